/**
 * `npm run bench:sim -- [--json FILE] [--quick]`: the simulator on the whole Internet (CAIDA's graph of September 2025,
 * 78,638 ASes). The graph is not part of the project: `$ANYCASTLE_DATA/as-rel/20250901.as-rel.txt.gz`, or beside it.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "#core/errors.ts";
import { dataFile, GRAPH_2025, NO_DATA } from "./shared-data.ts";
import { benchResult, renderResults, type BenchResult } from "./results.ts";

const RUN_MS_MAX = 300_000;

interface Task {
  readonly name: string;
  /** Figures it gives, without the prefix. */
  readonly figures: readonly string[];
  readonly runs: number;
  readonly quickRuns: number;
}

const TASKS: readonly Task[] = [
  { name: "solve", figures: ["load_ms", "catchment_ms", "catchment_ties_ms"], runs: 12, quickRuns: 3 },
  { name: "withdraw", figures: ["withdraw_ms", "rss_mb"], runs: 12, quickRuns: 3 },
  { name: "whatif", figures: ["whatif512_ms"], runs: 10, quickRuns: 1 },
  { name: "withdraw100", figures: ["withdraw100_ms"], runs: 10, quickRuns: 1 },
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
  for (const task of TASKS)
    results.push(...measure(task, graph, values.quick === true ? task.quickRuns : task.runs));
  process.stdout.write(`${renderResults(results)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 1)}\n`);
  return EXIT.ok;
}

function measure({ name, figures }: Task, graph: string, runs: number): BenchResult[] {
  const samples = new Map(figures.map((figure): [string, number[]] => [figure, []]));
  let context: Record<string, unknown> = {};
  for (let run = 1; run <= runs; run++) {
    say(`${name}: ${run} of ${runs}`);
    const text = execFileSync(process.execPath, [join(import.meta.dirname, "sim-measure.ts"), graph, name], {
      encoding: "utf8",
      timeout: RUN_MS_MAX,
    });
    const { figures: measured, ...rest } = JSON.parse(text) as { figures: Record<string, number> };
    context = { ...rest, cpus: cpus().length, node: process.version, runs };
    for (const [figure, values] of samples) values.push(measured[figure]!);
  }
  return [...samples].map(([figure, values]) =>
    benchResult(`sim.${figure}`, figure.endsWith("_mb") ? "mb" : "ms", values, context),
  );
}

function say(line: string): void {
  process.stderr.write(`bench:sim: ${line}\n`);
}
