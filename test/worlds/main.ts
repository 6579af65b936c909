/**
 * `npm run test:worlds`: the gateway's policy in virtual worlds, each made from a seed.
 *
 *   --worlds N     so many (10000)             --from N   the first seed (1)
 *   --quick        500 worlds                  --seed N   this one alone, with all that happens in it
 *   --jobs N       threads (2)                 --failures-max N   stops when so many have failed (20)
 *   --mutations    breaks the policy in named ways, one after the other, in a copy: each must be found
 *
 * A failing seed is printed with what was violated and how to see it again. So is what never came about in enough worlds: rules
 * about it would hold nothing. Ends with `N passed, N failed` alone on the last line. Exit status: 0 all hold, 1 not, 2 usage.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { MARKS, WORLDS_FOR_MARKS } from "./marks.ts";
import { huntMutations } from "./mutations.ts";
import { play } from "./play.ts";
import { addCounts, emptyResult, type RangeResult } from "./play-range.ts";
import { worldOf } from "./world.ts";

const QUICK_WORLDS = 500;
const SHOWN_MAX = 5;

// `--seed N | head`: nobody reads the rest.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = await main();

async function main(): Promise<number> {
  const flags = readFlags();
  if (typeof flags === "string") {
    process.stderr.write(`error: ${flags}\n`);
    return 2;
  }
  if (flags.seed !== undefined) return showOne(flags.seed);
  if (flags.mutations) return huntMutations(flags.jobs, say);
  const startedNs = process.hrtime.bigint();
  const result = await playAll(flags);
  const seconds = Number((process.hrtime.bigint() - startedNs) / 1_000_000n) / 1_000;
  for (const { seed, violations } of result.failed) {
    say(`world ${seed}: ${violations.slice(0, SHOWN_MAX).join("\n  ")}`);
    say(`  again, with all that happens: npm run test:worlds -- --seed ${seed}`);
  }
  const { attempts, excused, excusedGentle, gentle, marks, requests, steps, worlds } = result;
  say(
    `${worlds} worlds, ${gentle} with one faulty node, in ${seconds.toFixed(1)} s: ${requests} requests, ${attempts} attempts, ${steps} events`,
  );
  say(`lost with leave, in worlds with several faulty nodes: ${listed(excused)}`);
  say(`lost with leave, in worlds with one faulty node: ${listed(excusedGentle)}`);
  say(`came about: ${listed(marks)}`);
  const missing = worlds < WORLDS_FOR_MARKS ? [] : MARKS.filter((mark) => (marks[mark] ?? 0) === 0);
  for (const mark of missing) say(`FAILED "${mark}" never came about: what is demanded of it holds nothing`);
  const failedCount = result.failed.length + missing.length;
  say(`${worlds - result.failed.length} passed, ${failedCount} failed`);
  return failedCount === 0 && worlds > 0 ? 0 : 1;
}

function listed(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).toSorted(([, one], [, other]) => other - one);
  return all.length === 0 ? "none" : all.map(([name, count]) => `${name} ${count}`).join(", ");
}

function showOne(seed: number): number {
  const { violations } = play(worldOf(seed), say);
  for (const violation of violations) say(`violated ${violation}`);
  say(violations.length === 0 ? "1 passed, 0 failed" : "0 passed, 1 failed");
  return violations.length === 0 ? 0 : 1;
}

async function playAll({ from, worlds, jobs, failuresMax }: Flags): Promise<RangeResult> {
  const threads = Array.from({ length: Math.min(jobs, worlds) }, (_, index) => {
    const range = { from: from + index, to: from + worlds, step: jobs, failuresMax };
    const worker = new Worker(join(import.meta.dirname, "play-range.ts"), { workerData: range });
    return new Promise<RangeResult>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  });
  const all = emptyResult();
  for (const each of await Promise.all(threads)) {
    const { attempts, failed, gentle, requests, steps, worlds: count } = each;
    all.worlds += count;
    all.requests += requests;
    all.attempts += attempts;
    all.steps += steps;
    all.gentle += gentle;
    addCounts(all.excused, each.excused);
    addCounts(all.excusedGentle, each.excusedGentle);
    addCounts(all.marks, each.marks);
    all.failed.push(...failed);
  }
  all.failed.sort((one, other) => one.seed - other.seed);
  return all;
}

interface Flags {
  readonly worlds: number;
  readonly from: number;
  readonly jobs: number;
  readonly failuresMax: number;
  readonly seed: number | undefined;
  readonly mutations: boolean;
}

function readFlags(): Flags | string {
  try {
    const { values } = parseArgs({
      options: {
        worlds: { type: "string" },
        from: { type: "string", default: "1" },
        jobs: { type: "string", default: "2" },
        "failures-max": { type: "string", default: "20" },
        seed: { type: "string" },
        quick: { type: "boolean", default: false },
        mutations: { type: "boolean", default: false },
      },
    });
    const { seed } = values;
    const ways = [values.quick && "quick", values.mutations && "mutations", seed !== undefined && "seed"];
    ways.push(values.worlds !== undefined && "worlds");
    const named = ways.filter((way) => way !== false);
    if (named.length > 1) return `--${named.join(" and --")}: choose one of them`;
    return {
      worlds: numberOf("worlds", values.worlds ?? String(values.quick ? QUICK_WORLDS : 10_000)),
      from: numberOf("from", values.from),
      jobs: numberOf("jobs", values.jobs, 64),
      failuresMax: numberOf("failures-max", values["failures-max"]),
      seed: seed === undefined ? undefined : numberOf("seed", seed),
      mutations: values.mutations,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function numberOf(flag: string, text: string, max = 2 ** 31): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`--${flag} "${text}": type a whole number from 1 to ${max}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
