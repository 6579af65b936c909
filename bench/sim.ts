/**
 * `npm run bench:sim -- [--json FILE] [--quick]`: the simulator on the whole Internet (CAIDA's graph of September 2025,
 * 78,638 ASes). The graph is not part of the project: `$ANYCASTLE_DATA/as-rel/20250901.as-rel.txt.gz`, or beside it.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "#core/errors.ts";
import { dataFile, GRAPH_2025, NO_DATA } from "./shared-data.ts";
import { benchResult, renderResults, type BenchResult } from "./results.ts";

const RUN_MS_MAX = 300_000;

interface Task {
  readonly name: string;
  /** `generate:10000`; absent: the whole Internet. */
  readonly graph?: string;
  /** Before the names of its figures. */
  readonly prefix?: string;
  /** Figures it gives, without the prefix. */
  readonly figures: readonly string[];
  readonly runs: number;
  readonly quickRuns: number;
}

/** The same work on graphs of different sizes. */
const SIZE_FIGURES = [
  "load_ms",
  "catchment_ms",
  "catchment_ties_ms",
  "whatif512_ms",
  "withdraw_ms",
  "rss_mb",
];

const TASKS: readonly Task[] = [
  { name: "solve", figures: ["load_ms", "catchment_ms", "catchment_ties_ms"], runs: 12, quickRuns: 3 },
  { name: "resolve", figures: ["resolve_one_ms"], runs: 10, quickRuns: 1 },
  { name: "withdraw", figures: ["withdraw_ms", "rss_mb"], runs: 12, quickRuns: 3 },
  { name: "whatif", figures: ["whatif512_ms"], runs: 10, quickRuns: 1 },
  { name: "whatif-one-by-one", figures: ["whatif512_one_by_one_ms"], runs: 10, quickRuns: 1 },
  { name: "withdraw100", figures: ["withdraw100_ms"], runs: 10, quickRuns: 1 },
  ...[{ size: "1k", graph: "generate:1000" }, { size: "10k", graph: "generate:10000" }, { size: "78k" }].map(
    ({ size, ...rest }) => ({
      name: "size",
      ...rest,
      prefix: `size_${size}_`,
      figures: SIZE_FIGURES,
      runs: 10,
      quickRuns: 1,
    }),
  ),
];

process.exitCode = main();

function main(): number {
  const { values } = parseArgs({ options: { json: { type: "string" }, quick: { type: "boolean" } } });
  const graph = dataFile(GRAPH_2025);
  if (graph === undefined) {
    say(NO_DATA);
    return EXIT.usage;
  }
  const results: BenchResult[] = [];
  const cache = mkdtempSync(join(tmpdir(), "anycastle-bench-"));
  try {
    measureOnce(graph, "solve", cache);
    for (const task of TASKS)
      results.push(...measure(task, graph, values.quick === true ? task.quickRuns : task.runs, cache));
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
  process.stdout.write(`${renderResults(results)}\n\n${renderSizes(results)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 1)}\n`);
  return EXIT.ok;
}

/** Cost against size: a line for each size, medians. */
function renderSizes(results: readonly BenchResult[]): string {
  const sizes = TASKS.flatMap(({ prefix }) => prefix ?? []);
  const lines = sizes.map((prefix) => {
    const found = SIZE_FIGURES.map((figure) => results.find(({ id }) => id === `sim.${prefix}${figure}`));
    const { ases, links } = found[0]!.context as { readonly ases: number; readonly links: number };
    return [String(ases), String(links), ...found.map((result) => shown(result!.value))];
  });
  const head = ["ASes", "links", ...SIZE_FIGURES];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]!.length)),
  );
  return [head, ...lines]
    .map((line) => line.map((cell, column) => cell.padStart(widths[column]!)).join("  "))
    .join("\n");
}

function shown(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function measure(task: Task, internet: string, runs: number, cache: string): BenchResult[] {
  const { name, graph = internet, prefix = "", figures } = task;
  const samples = new Map(figures.map((figure): [string, number[]] => [figure, []]));
  let context: Record<string, unknown> = {};
  for (let run = 1; run <= runs; run++) {
    say(`${prefix}${name}: ${run} of ${runs}`);
    const { figures: measured, ...rest } = measureOnce(graph, name, cache);
    context = { ...rest, cpus: cpus().length, node: process.version, runs };
    for (const [figure, values] of samples) values.push(measured[figure]!);
  }
  return [...samples].map(([figure, values]) =>
    benchResult(`sim.${prefix}${figure}`, figure.endsWith("_mb") ? "mb" : "ms", values, context),
  );
}

/**
 * In a process of its own. With Node's compile cache, as the launcher runs every command: without it each process reads
 * its TypeScript anew, which alone costs 40 MB. The first run fills the cache and is not counted.
 */
function measureOnce(
  graph: string,
  name: string,
  cache: string,
): { readonly figures: Readonly<Record<string, number>> } {
  const script = join(import.meta.dirname, "sim-measure.ts");
  const text = execFileSync(process.execPath, [script, graph, name], {
    encoding: "utf8",
    timeout: RUN_MS_MAX,
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  return JSON.parse(text) as { readonly figures: Readonly<Record<string, number>> };
}

function say(line: string): void {
  process.stderr.write(`bench:sim: ${line}\n`);
}
