/** `anycastle sim path`: the AS path from one AS to its site, and each offer it heard with the rule by which it lost. */
import { UserError } from "#core/errors.ts";
import { explainChoice, pathOf, type Offer } from "#sim/anycast/explain.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { PathFlags } from "./ask-path.ts";
import { MODEL_LIMITS, printColumns } from "./columns.ts";
import { openWorldOf } from "./open-world-of.ts";

const SCHEMA = "anycastle.sim-path/v1";
const RELATION_NAMES = ["customer", "peer", "provider"] as const;
const OFFERS_SHOWN_MAX = 30;

export async function showPath(output: Output, flags: PathFlags): Promise<void> {
  const world = await openWorldOf(flags, output);
  const { graph, sites } = world;
  const vertex = graph.asn.indexOf(flags.from);
  if (vertex === -1) {
    throw new UserError("AS_UNKNOWN", `AS ${flags.from} is not in the graph (${world.graphName})`, {
      hint: "name one that is; a small network may be newer than the snapshot",
    });
  }
  const solved = new CatchmentSolver(graph).solveWithTies(sites);
  const path = pathOf(solved, vertex).map((each) => graph.asn[each]!);
  const offers = explainChoice(graph, solved, sites, vertex).map((offer) => describe(world, offer));
  const site = sites.find((each) => each.vertex === solved.site[vertex])?.site ?? null;
  const ties = sites.filter((_, bit) => (solved.ties[vertex]! & (1 << bit)) !== 0).map((each) => each.site);
  if (flags.json === true) {
    output.printJson({
      schema: SCHEMA,
      from: flags.from,
      site,
      path,
      equallyGoodSites: ties,
      offers,
      modelLimits: MODEL_LIMITS,
    });
    return;
  }
  if (site === null) output.print(`AS ${flags.from} has no route to any site.`);
  else output.print(`AS ${flags.from} reaches ${site}: ${path.join(" ")}${prependsOf(world, site)}`);
  if (ties.length > 1)
    output.print(`Equally good paths lead to ${ties.join(", ")}: which one is taken is a tie, not a fact.`);
  output.print("");
  printColumns(
    output,
    "llrll",
    ["NEIGHBOUR", "IS ITS", "HOPS", "SITE", "VERDICT"],
    offers
      .slice(0, OFFERS_SHOWN_MAX)
      .map((offer) => [
        `AS ${offer.as}`,
        offer.relation,
        offer.hops === null ? "-" : String(offer.hops),
        offer.site ?? "-",
        offer.verdict,
      ]),
  );
  if (offers.length > OFFERS_SHOWN_MAX)
    output.print(`… and ${offers.length - OFFERS_SHOWN_MAX} more: --json has all`);
  output.print("");
  output.print(MODEL_LIMITS);
}

function describe({ graph, sites }: OpenWorld, { neighbor, relation, length, site, verdict }: Offer) {
  return {
    as: graph.asn[neighbor]!,
    relation: RELATION_NAMES[relation]!,
    hops: verdict === "no route" ? null : length,
    site: sites.find((each) => each.vertex === site)?.site ?? null,
    verdict,
  };
}

function prependsOf({ sites }: OpenWorld, name: string): string {
  const prepends = sites.find(({ site }) => site === name)!.prepends;
  return prepends === 0 ? "" : ` (and ${prepends} prepended)`;
}
