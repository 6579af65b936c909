/** `anycastle sim withdraw`: what the clients of a site go through when it goes, over several seeds. */
import { UserError } from "#core/errors.ts";
import type { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import type { Act } from "#sim/change/acts.ts";
import { flapping, leavingGracefully, losing, resettingSession } from "#sim/change/change.ts";
import { servedBy } from "#sim/change/clients.ts";
import type { Detection } from "#sim/change/detection.ts";
import type { OpenWorld, PlacedSite } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { WithdrawFlags } from "./ask-withdraw.ts";
import {
  changeDocument,
  momentsOf,
  openChange,
  playAsked,
  printEnd,
  printHeadline,
  thereColumn,
  type AskedChange,
  type ChangeOf,
} from "./asked-change.ts";
import { percent, whole } from "./columns.ts";
import { detectionText } from "./detection-of.ts";
import { vertexOfAs } from "./observers-of.ts";
import { openWorldOf } from "./open-world-of.ts";
import { positionToLose } from "./position-of.ts";
import { servedTile } from "./report/change-report.ts";
import { checksOf } from "./service-of.ts";
import { FATE_COLUMNS, printCurve, printFigures } from "./show-runs.ts";
import { LOSS_FLAGS } from "./withdraw-ways.ts";
import { sharesWith, writeChangeReport, type ChangeWords } from "./write-change-report.ts";

const SCHEMA = "anycastle.sim-withdraw/v2";
const US_PER_MS = 1_000;
const NEIGHBORS_NAMED = 10;
const ORDERLY: Detection = { kind: "after", us: 0 };

export async function showWithdraw(output: Output, flags: WithdrawFlags): Promise<void> {
  refuseMixedFlags(flags);
  const world = await openWorldOf(flags, output);
  const lost = positionToLose(world.sites, flags.lose);
  const site = world.sites[lost]!;
  const detection = flags.detection ?? checksOf(world.document) ?? ORDERLY;
  const actsOf = lossOf(world, site, detection, flags);
  const asked = await openChange(flags, output, world);
  const solved = new CatchmentSolver(world.graph).solve(world.sites);
  const base = { sources: world.sites, solved, clients: servedBy(solved, site.vertex), subject: site.vertex };
  const title = titleOf(flags, detection);
  let acts: readonly Act[] | undefined;
  const changeOf = (prng: Prng): ChangeOf => {
    const drawn = actsOf(prng);
    acts ??= drawn;
    return { ...base, acts: drawn };
  };
  const runs = playAsked(asked, title, flags, changeOf, output);
  const question: Question = { asked, lost, flags, title, acts: acts! };
  if (flags.html !== undefined) {
    writeChangeReport(flags.html, asked, wordsOf(question, runs[0]!.affected), question.acts, runs);
  }
  if (flags.json === true) {
    const how = flags.how === "fail" ? { how: flags.how, detection } : { how: flags.how };
    return output.printJson(changeDocument(asked, SCHEMA, { lost: flags.lose, ...how }, question.acts, runs));
  }
  const [first] = runs;
  printHeadline(output, asked, title, flags);
  output.print(`It served ${whole(first!.affectedAses)} of ${whole(world.networkCount)} ASes.`);
  if (first!.affected === 0) return;
  output.print("");
  const isFailing = flags.how === "fail";
  printCurve(
    output,
    runs,
    isFailing ? FATE_COLUMNS : [FATE_COLUMNS[0]!, thereColumn(flags.lose), ...FATE_COLUMNS.slice(1)],
    isFailing ? [] : momentsOf(question.acts),
  );
  output.print("");
  printFigures(output, runs);
  printEnd(output, asked, runs);
}

interface Question {
  readonly asked: AskedChange;
  readonly lost: number;
  readonly flags: WithdrawFlags;
  readonly title: string;
  /** Of the first run. */
  readonly acts: readonly Act[];
}

/** A flag of another way to go would be ignored silently. */
function refuseMixedFlags(flags: WithdrawFlags): void {
  for (const [name, { ways }] of Object.entries(LOSS_FLAGS)) {
    if (flags[name as keyof typeof LOSS_FLAGS] === undefined) continue;
    if ((ways as readonly string[]).includes(flags.how)) continue;
    throw new UserError("FLAG_MEANINGLESS", `--${name} means nothing with --how ${flags.how}`, {
      hint: `leave it out, or say --how ${ways[0]}`,
    });
  }
  if (flags.how === "reset" && flags.session === undefined) {
    throw new UserError("SESSION_MISSING", "--how reset needs to know which session of the site", {
      hint: "name the neighbour: --session 174",
    });
  }
}

/** The acts of one run; what is drawn for it comes from the generator. */
function lossOf(
  world: OpenWorld,
  site: PlacedSite,
  detection: Detection,
  flags: WithdrawFlags,
): (prng: Prng) => Act[] {
  const downUs = (flags.down ?? LOSS_FLAGS.down.ms) * US_PER_MS;
  switch (flags.how) {
    case "fail": {
      const how = { detection, isRouter: site.vertex >= world.networkCount };
      return (prng) => losing(world.graph, site, how, prng);
    }
    case "graceful-shutdown":
      return () => leavingGracefully(site, (flags.wait ?? LOSS_FLAGS.wait.ms) * US_PER_MS);
    case "flap": {
      const upUs = (flags.up ?? LOSS_FLAGS.up.ms) * US_PER_MS;
      return () => flapping(site, { times: flags.times ?? LOSS_FLAGS.times.count, downUs, upUs });
    }
    case "reset": {
      const neighbor = vertexOfAs(world, flags.session!, "--session");
      const { offsets, neighbors } = world.graph;
      const own = neighbors.subarray(offsets[site.vertex], offsets[site.vertex + 1]);
      if (!own.includes(neighbor)) {
        throw new UserError("SESSION_UNKNOWN", `${site.site} has no session with AS ${flags.session}`, {
          hint: `its neighbours are ${Array.from(own.subarray(0, NEIGHBORS_NAMED), (each) => `AS ${world.graph.asn[each]}`).join(", ")}${own.length > NEIGHBORS_NAMED ? ", …" : ""}`,
        });
      }
      return () => resettingSession(world.graph, site, neighbor, downUs);
    }
  }
}

function titleOf({ lose, how, wait, times, session }: WithdrawFlags, detection: Detection): string {
  switch (how) {
    case "fail":
      return `${lose} fails, ${detectionText(detection)}`;
    case "graceful-shutdown":
      return `${lose} announces GRACEFUL_SHUTDOWN and withdraws ${(wait ?? LOSS_FLAGS.wait.ms) / 1_000} s later`;
    case "flap":
      return `${lose} flaps ${times ?? LOSS_FLAGS.times.count} times`;
    case "reset":
      return `the session of ${lose} with AS ${session} is reset`;
  }
}

/** Whether the site is gone in the end. */
function isGoneAfter({ how }: WithdrawFlags): boolean {
  return how === "fail" || how === "graceful-shutdown";
}

function wordsOf({ asked, lost, flags, title }: Question, affected: number): ChangeWords {
  const name = flags.lose;
  const positions = [...asked.world.sites.keys()];
  const before = sharesWith(asked, positions);
  const isGone = isGoneAfter(flags);
  return {
    title,
    gone: isGone ? lost : undefined,
    whom: `whoever ${name} served`,
    answer:
      affected === 0
        ? `${name} served nobody: nothing changes for anybody.`
        : `${name} served ${whole(affected)} (${percent(affected, before.total)}) when ties go to the lowest AS number.`,
    concerned: servedTile(before, lost, "served before"),
    before,
    after: isGone
      ? sharesWith(
          asked,
          positions.filter((position) => position !== lost),
        )
      : before,
  };
}
