/**
 * `npm run soak -- --minutes N`: a lab of its own under load for N minutes, with a kill or a revival each minute, and
 * the verdict on what must not grow meanwhile (`drills/soak`).
 *
 *   --minutes N   how long, 1 to 1410 (120)      --every S   seconds between orders, 5 to 600 (60; 10 below 10 minutes)
 *   --rate N      requests a second (100)        --seed N    order of the faults (drawn, and printed)
 *   --json        the report as JSON              --journal F    keep the journal in this file
 *
 * Exit status: 0 held, 99 missed, 1 void or failed, 2 wrong usage.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { vantageIds } from "#core/geography/rtt.ts";
import { randomSeed } from "#core/host/random.ts";
import { VERSION } from "#core/version.ts";
import { SOAK_SCHEMA, type SoakReport } from "#drills/soak/evidence.ts";
import { judgeSoak } from "#drills/soak/judge.ts";
import { renderSoak } from "#drills/soak/render.ts";
import { runSoak, type SoakLoad } from "#drills/soak/run.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";
import { startLoad } from "#loadtest/load/run-load.ts";

const SHORT_MINUTES = 10;
const EVERY_S = { long: 60, short: 10 } as const;
/** Failures and leaks are judged here, not times: only a load that was held up for long is void. */
const LAG_GATE_MS = 5_000;
/** The load is stopped when the soak is over; this ends one that is forgotten. */
const LOAD_MS_EXTRA = 30 * 60_000;
const LOAD_WARM_UP_MS = 2_000;
/** A load is planned for a day at most (`loadtest/load`): a longer soak would end without one. */
const MINUTES_MAX = 24 * 60 - LOAD_MS_EXTRA / 60_000;
const ANY_PORT = { port: 0, isStrict: false };

interface SoakFlags {
  readonly minutes: number;
  readonly everyS: number;
  readonly rate: number;
  readonly seed: number;
  readonly isJson: boolean;
  readonly journal: string | undefined;
}

try {
  process.exitCode = await main(readFlags(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`error: ${messageOf(error)}\n`);
  if (error instanceof UserError && error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
  process.exitCode = error instanceof UserError ? error.exitCode : EXIT.failure;
}

async function main(flags: SoakFlags): Promise<number> {
  if (process.platform !== "linux") {
    throw new UserError("SOAK_SYSTEM", "a soak reads proc(5), and this system has none", {
      hint: "run it on Linux, or in a container",
      exitCode: EXIT.failure,
    });
  }
  const dir = mkdtempSync(join(tmpdir(), "anycastle-soak-"));
  try {
    return await soak(flags, dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function soak(flags: SoakFlags, dir: string): Promise<number> {
  const journalFile = flags.journal ?? join(dir, "journal.ndjson");
  const lab = await Lab.start({
    ...LAB_DEFAULTS,
    seed: flags.seed,
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir: join(dir, "runtime"),
    journalFile,
    version: VERSION,
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      void lab.stop(signal, "now").finally(() => {
        rmSync(dir, { recursive: true, force: true });
        process.exit(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
      });
    });
  }
  try {
    await lab.untilReady();
    tell(
      `soak of ${flags.minutes} min, an order each ${flags.everyS} s, ${flags.rate} requests/s, seed ${flags.seed}`,
    );
    const evidence = await runSoak({
      lab,
      nodesPerSite: LAB_DEFAULTS.nodesPerSite,
      seed: flags.seed,
      durationMs: flags.minutes * 60_000,
      everyMs: flags.everyS * 1_000,
      journalFile,
      startLoad: (onFailed) => loadOf(lab, flags, dir, onFailed),
      tell,
    });
    const { verdict, steps } = judgeSoak(evidence);
    const { voidReasons, noise, durationMs, load, orders, failures, processes, journal } = evidence;
    const { seed, rate } = flags;
    const report: SoakReport = {
      schema: SOAK_SCHEMA,
      seed,
      rate,
      verdict,
      voidReasons,
      noise,
      steps,
      durationMs,
      load,
      orders,
      failures,
      processes,
      journal,
    };
    process.stdout.write(
      flags.isJson
        ? `${JSON.stringify(report, undefined, 2)}\n`
        : renderSoak(report, { isColour: process.stdout.isTTY }),
    );
    if (verdict === "held") return EXIT.ok;
    return verdict === "missed" ? EXIT.missed : EXIT.failure;
  } finally {
    await lab.stop("the soak has ended", "now");
  }
}

function loadOf(
  lab: Lab,
  { minutes, rate, seed }: SoakFlags,
  dir: string,
  onFailed: (method: string, reason: string) => void,
): SoakLoad {
  const { port } = new URL(lab.gatewayUrl);
  const load = startLoad({
    document: {
      url: lab.gatewayUrl,
      rate,
      durationMs: minutes * 60_000 + LOAD_MS_EXTRA,
      warmUpMs: LOAD_WARM_UP_MS,
      vantages: vantageIds().map((vantage) => ({ vantage, host: `${vantage}.localhost:${port}` })),
      seed,
      lagGateMs: LAG_GATE_MS,
      resultFile: join(dir, "load.json"),
      logFile: join(dir, "requests.log"),
    },
    onEvent: (event) => {
      lab.emit(event, "load");
      if (event.kind === "load.failed") onFailed(event.method, event.reason);
    },
  });
  return {
    pid: load.pid,
    stop: () => load.stop(),
    finished: load.finished.then(({ result }) => result),
  };
}

function readFlags(args: string[]): SoakFlags {
  const { values } = parse(args);
  const minutes = whole("minutes", values.minutes ?? "120", 1, MINUTES_MAX);
  const everyS = minutes < SHORT_MINUTES ? EVERY_S.short : EVERY_S.long;
  return {
    minutes,
    everyS: whole("every", values.every ?? String(everyS), 5, 600),
    rate: whole("rate", values.rate ?? "100", 1, 5_000),
    seed: values.seed === undefined ? randomSeed() : whole("seed", values.seed, 0, 2 ** 32 - 1),
    isJson: values.json === true,
    journal: values.journal,
  };
}

function parse(args: string[]): {
  values: {
    minutes?: string;
    every?: string;
    rate?: string;
    seed?: string;
    journal?: string;
    json?: boolean;
  };
} {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args,
      options: {
        minutes: text,
        every: text,
        rate: text,
        seed: text,
        journal: text,
        json: { type: "boolean" },
      },
    });
  } catch (error) {
    throw usage(messageOf(error));
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw usage(`--${name} ${text} is not a whole number from ${min} to ${max}`);
}

function usage(message: string): UserError {
  return new UserError("SOAK_USAGE", message, {
    hint: "npm run soak -- --minutes 120 [--every 60] [--rate 100] [--seed 1] [--json] [--journal FILE]",
  });
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
