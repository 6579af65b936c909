/**
 * What a soak must show, held against what was seen. A process must not grow: not in memory (judged in long runs only,
 * because a young process grows by right), not in descriptors, not in what it does while nothing is to be done.
 */
import type { StepResult, Verdict } from "#core/wire/measure.ts";
import type { SoakEvidence, SoakProcess } from "./evidence.ts";

/** The last ten minutes against minutes 10 to 20. */
const RSS_RATIO_MAX = 1.1;
/** Where a pool may still hold a few connections; one more for each fault or city would be more than this. */
const DESCRIPTORS_MORE = 12;
/**
 * Wake-ups merge while a machine is starved, so that the same idle process was seen at 191 and at 373 a second. A timer
 * of 100 ms that each of 60 faults leaves behind adds 600.
 */
const WAKE_UPS_RATIO_MAX = 2;
const WAKE_UPS_MORE = 100;
/** Timers and sockets a process counts itself. */
const HANDLES_MORE = 12;
const PERCENT = 100;
const KIB = 1_024;

export function judgeSoak(evidence: SoakEvidence): { verdict: Verdict; steps: StepResult[] } {
  const steps = [
    judgeGets(evidence),
    judgeOrders(evidence),
    judgeRestarts(evidence),
    judgeMemory(evidence),
    judgeEach(
      evidence,
      "descriptors while idle",
      descriptorsGrew,
      (row) => `${row.descriptorsFirst} to ${row.descriptorsLast}`,
    ),
    judgeEach(
      evidence,
      "timers (wake-ups while idle)",
      wakeUpsGrew,
      (row) => `${rounded(row.wakeUpsFirst)}/s to ${rounded(row.wakeUpsLast)}/s`,
    ),
    judgeHandles(evidence),
    judgeChildren(evidence),
    judgeJournal(evidence),
  ];
  return { verdict: verdictOf(evidence, steps), steps };
}

/** A starved machine loses requests and keeps memory, so it excuses what was missed; it helps nothing to hold. */
function verdictOf({ voidReasons, noise }: SoakEvidence, steps: readonly StepResult[]): Verdict {
  if (voidReasons.length > 0) return "void";
  if (!steps.some(({ state }) => state === "missed")) return "held";
  return noise.length > 0 ? "void" : "missed";
}

function step(name: string, isHeld: boolean, expected: string, measured: string): StepResult {
  return { name, state: isHeld ? "held" : "missed", isTiming: false, expected, measured };
}

function judgeGets({ load }: SoakEvidence): StepResult {
  const others = load.failed - load.getFailed;
  const measured = `${load.getFailed} of ${load.sent} requests were GET that failed; ${others} others failed`;
  return step("no GET fails", load.getFailed === 0 && load.sent > 0, "0 failed GET", measured);
}

function judgeOrders({ orders }: SoakEvidence): StepResult {
  const bad = orders.filter(({ problem }) => problem !== null);
  const [first] = bad;
  const measured =
    first === undefined
      ? `${orders.length} orders carried out`
      : `${bad.length} of ${orders.length}: ${first.order} ${first.target}: ${first.problem}`;
  const expected = "every order carried out, the cast whole after each revival";
  return step("faults and revivals", orders.length > 0 && bad.length === 0, expected, measured);
}

function judgeRestarts({ processes }: SoakEvidence): StepResult {
  const again = processes.filter(({ isNode, startCount }) => !isNode && startCount > 1);
  const measured = again.length === 0 ? "none" : again.map(({ process }) => process).join(", ");
  return step("nothing but nodes was started again", again.length === 0, "no other process dies", measured);
}

function judgeMemory(evidence: SoakEvidence): StepResult {
  const expected = `RSS of the last ten minutes <= ${RSS_RATIO_MAX} x that of minutes 10 to 20`;
  const rows = evidence.processes.filter(({ rssRatio }) => rssRatio !== null);
  const name = "memory";
  if (!evidence.isMemoryJudged) {
    return {
      name,
      state: "void",
      isTiming: false,
      expected,
      measured: "not judged: shorter than 30 minutes",
    };
  }
  const worst = rows.toSorted((a, b) => b.rssRatio! - a.rssRatio!)[0];
  const isHeld = worst !== undefined && worst.rssRatio! <= RSS_RATIO_MAX;
  const measured =
    worst === undefined
      ? "no process lived through both windows"
      : `${rows.length} processes lived through both; the most: ${worst.process} x ${worst.rssRatio!.toFixed(3)}`;
  return step(name, isHeld, expected, measured);
}

function judgeEach(
  { processes }: SoakEvidence,
  name: string,
  hasGrown: (row: SoakProcess) => boolean,
  words: (row: SoakProcess) => string,
): StepResult {
  const grown = processes.filter(hasGrown);
  const measured =
    grown.length === 0
      ? `none of ${processes.length} processes has grown`
      : grown.map((row) => `${row.process}: ${words(row)}`).join("; ");
  return step(
    name,
    processes.length > 0 && grown.length === 0,
    "as many at the end as at the start",
    measured,
  );
}

function descriptorsGrew({ descriptorsFirst: first, descriptorsLast: last }: SoakProcess): boolean {
  return first !== null && last !== null && last > first + DESCRIPTORS_MORE;
}

function wakeUpsGrew({ wakeUpsFirst: first, wakeUpsLast: last }: SoakProcess): boolean {
  return first !== null && last !== null && last > first * WAKE_UPS_RATIO_MAX + WAKE_UPS_MORE;
}

/** Those of lab and gateway, which can count their own. */
function judgeHandles({ handlesFirst, handlesLast }: SoakEvidence): StepResult {
  const grown = [...handlesLast].filter(
    ([name, last]) => last > (handlesFirst.get(name) ?? 0) + HANDLES_MORE,
  );
  const measured =
    grown.length === 0
      ? `none of ${handlesLast.size} kinds has grown`
      : grown.map(([name, last]) => `${name}: ${handlesFirst.get(name) ?? 0} to ${last}`).join("; ");
  const expected = "as many timers, sockets and requests as at the start, as lab and gateway count them";
  return step("active handles while idle", handlesLast.size > 0 && grown.length === 0, expected, measured);
}

function judgeChildren({ strangers, survivors }: SoakEvidence): StepResult {
  const faults = [
    ...(strangers.length > 0 ? [`children that the lab does not list: ${strangers.join(", ")}`] : []),
    ...(survivors.length > 0 ? [`alive after the lab's end: ${survivors.join(", ")}`] : []),
  ];
  const expected = "the lab's children are those it lists, and none is left after its end";
  return step(
    "children",
    faults.length === 0,
    expected,
    faults.length === 0 ? "so it is" : faults.join("; "),
  );
}

function judgeJournal({ journal }: SoakEvidence): StepResult {
  const { bytes, bytesMax, files, events } = journal;
  const measured = `${Math.round(bytes / KIB)} KiB in ${files} files for ${events} events, ${Math.round((bytes * PERCENT) / bytesMax)} % of the bound`;
  return step(
    "journal",
    files > 0 && bytes <= bytesMax,
    `at most ${Math.round(bytesMax / KIB)} KiB on disk`,
    measured,
  );
}

function rounded(value: number | null): string {
  return value === null ? "?" : value.toFixed(0);
}
