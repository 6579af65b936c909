/**
 * `npm run bench -- [--json FILE] [--quick] [--only ID]`: the figures by which the product is judged, measured here and
 * now. Proxies first, on a box that nothing else of ours uses, then the lab. A rival that is not installed is skipped
 * loudly; a case that fails makes the exit code 1, and the others are measured all the same.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXIT, messageOf } from "#core/errors.ts";
import { after, wallClock } from "#core/host/clock.ts";
import { ALGORITHMS } from "#gateway/balancer/create-balancer.ts";
import { pickCosts } from "./balancer-cases.ts";
import { detectTimes, falseAlarms } from "./bfd-cases.ts";
import { killTimes, startTimes } from "./lab-cases.ts";
import { pixelTimes } from "./page-cases.ts";
import { killAll } from "./processes.ts";
import { proxyCost, type Rounds } from "./proxy-cost.ts";
import { PROXY_NAMES } from "./proxies.ts";
import { renderResults, type BenchResult } from "./results.ts";

interface Scale {
  readonly rounds: Rounds;
  /** Rounds of a hundred thousand choices. */
  readonly picks: number;
  readonly starts: number;
  readonly kills: number;
  /** Of a site with two nodes: twice as many samples. */
  readonly hangs: number;
  /** Without a fault. */
  readonly calmSeconds: number;
  /** Whatever runs then is ended. */
  readonly limitMs: number;
}

const FULL: Scale = {
  rounds: { count: 15, seconds: 2, warmUpSeconds: 3 },
  picks: 15,
  starts: 12,
  kills: 12,
  hangs: 12,
  calmSeconds: 600,
  limitMs: 1_080_000,
};
const QUICK: Scale = {
  rounds: { count: 10, seconds: 1, warmUpSeconds: 1 },
  picks: 10,
  starts: 10,
  kills: 10,
  hangs: 5,
  calmSeconds: 20,
  limitMs: 210_000,
};

interface Case {
  readonly ids: readonly string[];
  readonly run: (scale: Scale, directory: string) => Promise<BenchResult[]>;
}

const PROXY_FIGURES = ["cpu_us_per_request", "p50_us", "p99_us"];
const CASES: readonly Case[] = [
  {
    ids: ALGORITHMS.map((name) => `lb.${name}.ns`),
    run: async ({ picks }) => pickCosts(picks, say),
  },
  {
    ids: PROXY_NAMES.flatMap((name) => PROXY_FIGURES.map((figure) => `${name}.${figure}`)),
    run: ({ rounds }, directory) => proxyCost(directory, rounds, say),
  },
  { ids: ["start.ms"], run: ({ starts }, directory) => startTimes(directory, starts, say) },
  {
    ids: ["kill.detect_ms", "kill.reroute_ms"],
    run: ({ kills }, directory) => killTimes(directory, kills, say),
  },
  { ids: ["page.kill_to_pixels_ms"], run: ({ kills }, directory) => pixelTimes(directory, kills, say) },
  { ids: ["bfd.detect_ms"], run: ({ hangs }, directory) => detectTimes(directory, hangs, say) },
  {
    ids: ["bfd.false_alarms"],
    run: ({ calmSeconds }, directory) => falseAlarms(directory, calmSeconds, say),
  },
];

process.exit(await main());

async function main(): Promise<number> {
  const values = readFlags();
  if (values === undefined) return EXIT.usage;
  const { json, only = "" } = values;
  const chosen = CASES.filter(({ ids }) => ids.some((id) => id.startsWith(only)));
  if (chosen.length === 0) {
    say(`there is no figure "${only}"; there are ${CASES.flatMap(({ ids }) => ids).join(", ")}`);
    return EXIT.usage;
  }
  const scale = values.quick === true ? QUICK : FULL;
  const directory = mkdtempSync(join(tmpdir(), "anycastle-bench-"));
  process.once("exit", () => {
    killAll();
    rmSync(directory, { recursive: true, force: true });
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(EXIT.failure));
  const results: BenchResult[] = [];
  const finish = (exitCode: number): number => {
    // A proxy alone would lack its ratio to nginx, so its whole case was run.
    const wanted = results.filter(({ id }) => id.startsWith(only));
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(wanted.map(onThisBox), null, 2)}\n`);
    process.stdout.write(`${renderResults(results)}\n`);
    return exitCode;
  };
  const giveUp = (): void => {
    say(`not done after ${scale.limitMs / 1000} s: given up; what follows is what there is`);
    process.exit(finish(EXIT.failure));
  };
  after(scale.limitMs, giveUp, { unref: true });
  return finish(await measure(chosen, scale, directory, results));
}

function readFlags() {
  try {
    const { values } = parseArgs({
      options: { json: { type: "string" }, quick: { type: "boolean" }, only: { type: "string" } },
    });
    return values;
  } catch (error) {
    say(`error: ${messageOf(error)}`);
    say(
      "usage: npm run bench -- [--json FILE] [--quick] [--only ID], where ID is the beginning of a figure's name",
    );
    return undefined;
  }
}

async function measure(
  chosen: readonly Case[],
  scale: Scale,
  directory: string,
  into: BenchResult[],
): Promise<number> {
  let exitCode: number = EXIT.ok;
  for (const { ids, run } of chosen) {
    try {
      into.push(...(await run(scale, directory)));
    } catch (error) {
      say(`FAILED: ${ids.join(", ")}: ${messageOf(error)}`);
      exitCode = EXIT.failure;
      killAll();
    }
  }
  return exitCode;
}

function onThisBox(result: BenchResult): BenchResult {
  const box = {
    at: wallClock(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    kernel: release(),
    node: process.version,
  };
  return { ...result, context: { ...result.context, box } };
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
