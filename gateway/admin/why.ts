/**
 * "Why this node?": the nodes a request from a vantage may be given to, and why each of the others would not. Sites stand in the
 * order in which they are asked; within one, those that may be asked come first, by what they cost the algorithm, where it
 * ranks (of two choices the cheaper of two is taken, not the cheapest of all).
 *
 * Asked of the very objects that decide; counts are those of the moment. It is the answer for a request without a sticky mark and
 * without a key to hash: those may go elsewhere among the same candidates. Of a path's subsets it is about the one that is named, or that
 * the client's address falls to, or that most clients do.
 */
import type { FastifyInstance } from "fastify";
import { UserError } from "#core/errors.ts";
import { WEIGHT_SCALE } from "../balancer/slow-start.ts";
import { WHOLE } from "../balancer/balancer.ts";
import type { Engine } from "../forward/exchange.ts";
import type { PathPattern, PathPatterns } from "../routing/path-patterns.ts";
import { WHOLE_SHARE } from "../routing/subset-choice.ts";

const COST_DIGITS = 6;

export function addWhyRoute(server: FastifyInstance, engineOf: () => Engine): void {
  server.get<{ Querystring: Record<string, unknown> }>("/api/v1/why", async ({ query }) => {
    const { clock, config, fleet, paths, plan, routes } = engineOf();
    const vantage = vantageOf(query["vantage"], config.routing);
    const { path, method = "GET", host = "" } = query;
    const pattern = typeof path === "string" ? paths?.of(String(method), String(host), path) : undefined;
    const whole = routes.view(vantage);
    const view = pattern === undefined ? whole : paths!.narrow(whole, pattern);
    const nowMs = clock.nowMs();
    const subsets = pattern === undefined ? undefined : subsetsOf(paths!, pattern, query);
    const first = subsets?.[0] ?? WHOLE;
    const reasons = plan.explain(view.sites, { excluded: [], nowMs, key: 0, subsets });
    return {
      vantage,
      pattern: pattern?.id ?? null,
      subset: config.subsets[first]?.id ?? null,
      split: (pattern?.subset?.split ?? []).map(({ id, share }) => ({
        subset: id,
        percent: (share * 100) / WHOLE_SHARE,
      })),
      mode: config.routing.mode,
      sites: view.sites.map((site, index) => ({
        site: fleet.sites[site]!.id,
        rttMs: view.rttUs[index]! / 1_000,
        algorithm: config.sites[site]!.algorithm,
        ownZonePercent: fleet.balancers[site]!.ownZonePercent?.(first) ?? null,
      })),
      candidates: view.sites.flatMap((site) =>
        reasons
          .filter((each) => each.site === site)
          .map(({ node, reason }) => candidateOf(fleet, node, reason, nowMs))
          .toSorted(byRank),
      ),
    };
  });
}

/** Whom a request of this pattern may be given to: the subset that is named, that its client falls to, or that most do. */
function subsetsOf(
  paths: PathPatterns,
  pattern: PathPattern,
  { client, subset }: Record<string, unknown>,
): readonly number[] | undefined {
  const { subset: choice } = pattern;
  if (choice === undefined) return undefined;
  if (subset === undefined && typeof client === "string") {
    return paths.subsetsOf(pattern, { fields: [], path: "", address: client });
  }
  const [largest] = choice.split.toSorted((one, other) => other.share - one.share);
  const part = subset === undefined ? largest : choice.split.find(({ id }) => id === subset);
  if (part !== undefined) return paths.chainOf(part.subset);
  throw new UserError(
    "SUBSET_UNKNOWN",
    `the pattern ${pattern.id} has no subset "${String(subset).slice(0, 80)}"`,
    {
      hint: `its subsets are ${choice.split.map(({ id }) => id).join(", ")}`,
    },
  );
}

interface Candidate {
  readonly node: string;
  readonly site: string;
  readonly zone: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly isCandidate: boolean;
  readonly reason: string;
  /** null: its algorithm ranks nobody, or it has no weight. */
  readonly cost: number | null;
  readonly health: string;
  readonly active: number;
  readonly weight: number;
}

function candidateOf(
  fleet: Engine["fleet"],
  index: number,
  reason: string | undefined,
  nowMs: number,
): Candidate {
  const node = fleet.node(index);
  const balancer = fleet.balancerOf(node);
  const cost = (balancer.costOf?.(index, nowMs) ?? Infinity) * WEIGHT_SCALE;
  return {
    node: node.id,
    site: node.site,
    zone: node.zone ?? null,
    labels: node.labels,
    isCandidate: reason === undefined,
    reason: reason ?? "may be asked",
    cost: Number.isFinite(cost) ? Number(cost.toPrecision(COST_DIGITS)) : null,
    health: fleet.board.health(index),
    active: balancer.active(index),
    weight: fleet.weightOf(node),
  };
}

function byRank(one: Candidate, other: Candidate): number {
  if (one.isCandidate !== other.isCandidate) return one.isCandidate ? -1 : 1;
  return (one.cost ?? Infinity) - (other.cost ?? Infinity) || 0;
}

function vantageOf(asked: unknown, { vantages, defaultVantage }: Engine["config"]["routing"]): string {
  if (asked === undefined || asked === defaultVantage) return defaultVantage;
  if (typeof asked === "string" && vantages.includes(asked)) return asked;
  const given = typeof asked === "string" ? asked.slice(0, 80) : "that";
  const known = vantages.length === 0 ? [defaultVantage] : vantages;
  throw new UserError("VANTAGE_UNKNOWN", `there is no vantage "${given}"`, {
    hint: `vantages are ${known.join(", ")}`,
  });
}
