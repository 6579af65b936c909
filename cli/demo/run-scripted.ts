/**
 * `demo --script`: a lab for one run of the golden scenario. What is played and judged is `demo-script.ts`'s; here the
 * lab is started, the run is tied to signals, and nothing is left behind, whatever happens.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BfdSettings } from "#core/detection.ts";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { nowMs, wallClock } from "#core/host/clock.ts";
import { VERSION } from "#core/version.ts";
import { Lab } from "#lab/lab.ts";
import type { DemoFlags } from "../demo.ts";
import { Departure } from "../departure.ts";
import { refuseMissingNode } from "../arguments.ts";
import type { Output } from "../output.ts";
import { DRAIN_MS, labOptions, started, stopLab } from "./open-lab.ts";

export async function runScripted(
  output: Output,
  flags: DemoFlags & { readonly mode: "anycast" | "anycast-only" },
): Promise<number> {
  refuseMissingNode(flags.target, flags.nodes);
  const reportDir = flags.report ?? defaultReportDir(flags);
  makeDir(reportDir);
  const options = labOptions(flags, flags.journal ?? join(reportDir, "journal.ndjson"));
  const startedMs = nowMs();
  const tell = (line: string): void => {
    output.tell(`${((nowMs() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
  tell(`starting the cast, seed ${options.seed}`);
  const starting = Lab.start(options);
  const departure = new Departure({
    drainMs: DRAIN_MS,
    drain: (why) => stopLab(starting, why, "drain"),
    now: (why) => stopLab(starting, why, "now"),
  });
  const lab = await started(starting, departure);
  if (typeof lab === "number") return lab;
  try {
    const played = play(lab, output, flags, {
      reportDir,
      seed: options.seed,
      holdTimeS: options.holdTimeS,
      bfd: options.bfd,
      tell,
    });
    // A run that a signal cut short may still fail in its own way; that is no news.
    played.catch(() => undefined);
    return await Promise.race([played, departure.done]);
  } finally {
    if (!departure.hasBegun) await lab.stop("the run is over", "drain");
  }
}

async function play(
  lab: Lab,
  output: Output,
  flags: DemoFlags & { readonly mode: "anycast" | "anycast-only" },
  run: {
    readonly reportDir: string;
    readonly seed: number;
    readonly holdTimeS: number;
    readonly bfd: BfdSettings | undefined;
    readonly tell: (line: string) => void;
  },
): Promise<number> {
  const { runScript } = await import("../demo-script.ts");
  await lab.untilReady();
  run.tell(`gateway ${lab.gatewayUrl}, all sites are in service`);
  run.tell(`watch it: ${lab.controlUrl}`);
  const { how, target, rate, mode, nodes } = flags;
  const isStrict = flags.strict === true;
  return runScript({
    ...run,
    lab,
    how,
    target,
    rate,
    mode,
    isStrict,
    nodesPerSite: nodes,
    version: VERSION,
    command: commandOf(flags, run.seed),
    isColour: output.isColour,
    print: (text) => output.print(text.trimEnd()),
  });
}

/** What to type to play it again, seed included. */
function commandOf(flags: DemoFlags, seed: number): string {
  const { how, target, rate, mode, nodes } = flags;
  const words = ["npm start -- --script --how", how, "--target", target, "--rate", rate, "--mode", mode];
  const switches = [...(flags.bfd ? [] : ["--no-bfd"]), ...(flags.strict === true ? ["--strict"] : [])];
  return [...words, "--nodes", nodes, "--seed", seed, ...switches].join(" ");
}

/** `reports/2026-11-24T22-15-03-kill-ny1`. */
function defaultReportDir({ how, target }: DemoFlags): string {
  const time = wallClock().slice(0, "2026-11-24T22:15:03".length).replaceAll(":", "-");
  return join("reports", `${time}-${how}-${target}`);
}

function makeDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw new UserError("REPORT_DIR", `the report cannot be written to ${dir}: ${messageOf(error)}`, {
      hint: "name a directory that is yours with --report",
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}
