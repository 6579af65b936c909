/**
 * `anycastle demo --script`: joins what the rooms may not join themselves. The lab is started, the simulator's solver
 * says what should happen, the scenario is played and judged, and the report is written with both side by side.
 *
 * Exit status: 0 held, 99 missed, 1 void (report.json says `void` and why). Reports are written in every case.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { detectionPlan, type BfdSettings } from "#core/detection.ts";
import { EXIT, UserError } from "#core/errors.ts";
import { CITIES, SITES } from "#core/geography/cities.ts";
import { vantageIds } from "#core/geography/rtt.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { Verdict } from "#core/wire/measure.ts";
import { runGolden, type RunningLoad } from "#drills/golden/run.ts";
import type { Lab } from "#lab/lab.ts";
import { startLoad } from "#loadtest/load/run-load.ts";
import { readRequestLog } from "#loadtest/load/request-log.ts";
import { analyseFailover } from "#loadtest/report/failover.ts";
import { renderHtml } from "#loadtest/report/html.ts";
import { renderMarkdown } from "#loadtest/report/markdown.ts";
import { renderText } from "#loadtest/report/text.ts";
import { speedTestEvents } from "#loadtest/speed/speed-test-events.ts";
import { runSpeedTest } from "#loadtest/speed/speed-test.ts";
import { goldenWorld } from "#sim/world/golden-world.ts";
import { predictFault } from "#sim/world/predict.ts";

/** Longer than any run of the scenario: the run stops its load itself. */
const LOAD_MS_MAX = 300_000;
const LOAD_WARM_UP_MS = 2_000;
const SEND_LAG_GATE_MS = 50;

export interface ScriptOptions {
  readonly lab: Lab;
  readonly how: FaultHow;
  /** A site or a node; checked here. */
  readonly target: string;
  readonly rate: number;
  readonly mode: "anycast" | "anycast-only";
  readonly seed: number;
  readonly isStrict: boolean;
  readonly nodesPerSite: number;
  readonly holdTimeS: number;
  readonly bfd: BfdSettings | undefined;
  readonly reportDir: string;
  readonly version: string;
  /** What was typed. */
  readonly command: string;
  readonly isColour: boolean;
  readonly tell: (line: string) => void;
  readonly print: (text: string) => void;
}

export async function runScript(options: ScriptOptions): Promise<number> {
  const { lab, target, how, mode, rate, seed, isStrict, reportDir } = options;
  const nodes = nodesOf(target, options.nodesPerSite);
  await mkdir(reportDir, { recursive: true });
  const prediction = predictFault({
    target,
    how,
    mode,
    rate,
    holdTimeS: options.holdTimeS,
    bfd: options.bfd,
    nodesPerSite: options.nodesPerSite,
  });
  const gatewayUrl = lab.gatewayUrl;
  const outcome = await runGolden({
    lab,
    target,
    nodes,
    how,
    mode,
    rate,
    seed,
    isStrict,
    detection: detectionPlan(options.holdTimeS, options.bfd),
    world: goldenWorld(),
    prediction,
    version: options.version,
    command: options.command,
    emulated: EMULATED,
    runTest: (label, rounds) =>
      runSpeedTest({ gatewayUrl, vantages: cities(), rounds, label }).then((test) => {
        for (const event of speedTestEvents(test)) lab.emit(event, "load");
        return test;
      }),
    startLoad: () => loadOf(options),
    tell: options.tell,
  });
  const report = analyseFailover(outcome.evidence);
  await Promise.all([
    writeFile(join(reportDir, "report.html"), renderHtml(report)),
    writeFile(join(reportDir, "report.md"), renderMarkdown(report)),
    writeFile(join(reportDir, "report.json"), `${JSON.stringify(report, undefined, 1)}\n`),
  ]);
  options.print(renderText(report, { isColour: options.isColour }));
  options.tell(`report: ${join(reportDir, "report.html")}`);
  return exitCodeOf(outcome.verdict);
}

const EMULATED: readonly string[] = [
  "The Internet between cities and sites is simulated: BGP messages travel with drawn delays, and a request waits for its round trips.",
  "All processes share this machine; edge nodes, gateway and BGP sessions are real, distances are not.",
  "A pulled cable (isolate) is cut inside the node's process: the kernel still accepts connections for it.",
];

function exitCodeOf(verdict: Verdict): number {
  if (verdict === "held") return EXIT.ok;
  return verdict === "missed" ? EXIT.missed : EXIT.failure;
}

/** Nodes of a site, or the one node named. */
export function nodesOf(target: string, nodesPerSite: number): string[] {
  const all = SITES.flatMap(({ site }) =>
    Array.from({ length: nodesPerSite }, (_, index) => ({ site, node: `${site}-${index + 1}` })),
  );
  const found = all.filter(({ site, node }) => site === target || node === target).map(({ node }) => node);
  if (found.length > 0) return found;
  throw new UserError("TARGET_UNKNOWN", `there is no site or node "${target}"`, {
    hint: `sites are ${SITES.map(({ site }) => site).join(", ")}; a node is ny1-1`,
  });
}

function cities(): { vantage: string; city: string }[] {
  return vantageIds().map((vantage) => ({
    vantage,
    city: CITIES.find((city) => city.id === vantage)?.name ?? vantage,
  }));
}

function loadOf(options: ScriptOptions): RunningLoad {
  const { lab, reportDir } = options;
  const logFile = join(reportDir, "requests.log");
  const { host } = new URL(lab.gatewayUrl);
  const port = host.slice(host.lastIndexOf(":") + 1);
  const load = startLoad({
    document: {
      url: lab.gatewayUrl,
      rate: options.rate,
      durationMs: LOAD_MS_MAX,
      warmUpMs: LOAD_WARM_UP_MS,
      vantages: vantageIds().map((vantage) => ({ vantage, host: `${vantage}.localhost:${port}` })),
      seed: options.seed,
      lagGateMs: SEND_LAG_GATE_MS,
      resultFile: join(reportDir, "load.json"),
      logFile,
      executionUrls: lab.status().sites.flatMap((site) => site.nodes.map((node) => node.url)),
    },
    onEvent: (event) => lab.emit(event),
  });
  return {
    stop: () => load.stop(),
    finished: load.finished.then(async ({ result }) => ({ result, requests: await readRequestLog(logFile) })),
  };
}
