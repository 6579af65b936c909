/** `anycastle sim validate`: rows of expected and got, each with its source, printed as they come. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { dampingRows } from "#sim/truth/damping-rows.ts";
import { detectionRows } from "#sim/truth/detection-rows.ts";
import {
  catchments2025,
  generatedEndStates,
  givenEndState,
  leftoverRoutes,
  solverAgainstOracles,
} from "#sim/truth/end-states.ts";
import { exactRows } from "#sim/truth/exact-rows.ts";
import { frozenRows } from "#sim/truth/frozen-rows.ts";
import { mraiCurveRows } from "#sim/truth/mrai-curve.ts";
import { anycastRows, beaconRows } from "#sim/truth/published-bands.ts";
import { ANYCAST_RUNS_EACH, BEACON_RUNS } from "#sim/truth/published-runs.ts";
import { isMissed, notRun, type TruthRow } from "#sim/truth/truth-row.ts";
import type { Output } from "../output.ts";
import type { ValidateFlags } from "./ask-validate.ts";
import { MODEL_LIMITS } from "./columns.ts";

const SCHEMA = "anycastle.sim-validate/v1";
const SCALES = {
  whole: {
    orders: 3,
    graphs: 200,
    acts: 20,
    seeds: 1_000,
    oracleGraphs: 2_000,
    givenActs: 10,
    runs: BEACON_RUNS,
    runsEach: ANYCAST_RUNS_EACH,
  },
  quick: {
    orders: 1,
    graphs: 20,
    acts: 20,
    seeds: 100,
    oracleGraphs: 300,
    givenActs: 4,
    runs: 0,
    runsEach: 0,
  },
} as const;
type Scale = Readonly<Record<keyof (typeof SCALES)["whole"], number>>;
const GRAPH_NAME = /\.as-rel\d?\.txt(?:\.gz|\.bz2)?$/;
/** Snapshots about which something is published, told by their size: ASes and links. */
const SNAPSHOT_2011 = { name: "2011-01-01", ases: 36_625, links: 105_495 } as const;
const SNAPSHOT_2025 = { name: "2025-09-01", ases: 78_638, links: 493_350 } as const;
const COLOUR = {
  equal: "green",
  held: "green",
  in: "green",
  differs: "red",
  left: "red",
  out: "yellow",
  "no law": "dim",
  "not run": "yellow",
} as const;

interface GivenGraph {
  readonly name: string;
  readonly graph: AsGraph;
}

export async function showValidate(output: Output, flags: ValidateFlags): Promise<number> {
  const scale = scaleOf(flags);
  const given: GivenGraph[] = [];
  const names = [...(flags.graph ?? []), ...(flags.graphDir === undefined ? [] : graphsIn(flags.graphDir))];
  // Before anything takes long: a file that is none is told at once.
  for (const name of names) given.push({ name: basename(name), graph: await loadAsRel(name) });
  const rows: TruthRow[] = [];
  const add = (title: string, make: () => readonly TruthRow[]): void => {
    if (flags.json !== true) output.print(output.paint("bold", title));
    else output.tell(title);
    for (const row of make()) {
      rows.push(row);
      if (flags.json !== true) printRow(output, row);
    }
  };
  add("laws of convergence", () => exactRows(scale.orders));
  add("windows of detection", detectionRows);
  add("damping", dampingRows);
  add("MRAI against processing", mraiCurveRows);
  add("as recorded", frozenRows);
  add("end states", () => [
    ...solverAgainstOracles(scale.oracleGraphs),
    generatedEndStates(scale.graphs, scale.acts),
    leftoverRoutes(scale.seeds),
  ]);
  add("on graphs that were given", () => givenRows(given, scale.givenActs));
  add("published measurements", () => publishedRows(given, scale));
  const isFailed = isMissed(rows, flags.strict === true);
  if (flags.json === true) {
    output.printJson({ schema: SCHEMA, isFailed, rows, modelLimits: MODEL_LIMITS });
  } else {
    output.print("");
    output.print(summary(rows));
    output.print(MODEL_LIMITS);
  }
  return isFailed ? EXIT.missed : EXIT.ok;
}

/** `--seeds` asks for the published measurements, however quick the rest is to be. */
function scaleOf({ quick, seeds }: ValidateFlags): Scale {
  const scale = SCALES[quick === true ? "quick" : "whole"];
  return seeds === undefined ? scale : { ...scale, runs: seeds, runsEach: seeds };
}

/** Files of AS relationships, by name. Throws `UserError` where there is none. */
function graphsIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new UserError("GRAPHS_UNREADABLE", `the folder ${folder} cannot be read: ${messageOf(error)}`, {
      hint: "name a folder with CAIDA's files, or each file with --graph",
      cause: error,
    });
  }
  const graphs = names.filter((name) => GRAPH_NAME.test(name)).sort();
  if (graphs.length > 0) return graphs.map((name) => join(folder, name));
  throw new UserError("GRAPHS_MISSING", `${folder} has no file named like 20250901.as-rel.txt.bz2`, {
    hint: "get one from publicdata.caida.org/datasets/as-relationships",
  });
}

function givenRows(given: readonly GivenGraph[], acts: number): TruthRow[] {
  const states = given.map(({ name, graph }) => givenEndState(name, graph, acts));
  const known = find(given, SNAPSHOT_2025);
  const claim = { quantity: "catchments of large networks", source: "published", kind: "exact" as const };
  return [
    ...states,
    ...(known === undefined ? [notRun(claim, missing(SNAPSHOT_2025))] : catchments2025(known)),
  ];
}

function publishedRows(given: readonly GivenGraph[], { runs, runsEach }: Scale): TruthRow[] {
  const beacon = { quantity: "RIS beacon of 2011", source: "labs.ripe.net", kind: "fitted" as const };
  const anycast = {
    quantity: "anycast convergence, ANRW'24",
    source: "research.utwente.nl",
    kind: "fitted" as const,
  };
  const rows: TruthRow[] = [];
  const graph2011 = find(given, SNAPSHOT_2011);
  const graph2025 = find(given, SNAPSHOT_2025);
  if (runs === 0) rows.push(notRun(beacon, "not with --quick"), notRun(anycast, "not with --quick"));
  else {
    rows.push(
      ...(graph2011 === undefined ? [notRun(beacon, missing(SNAPSHOT_2011))] : beaconRows(graph2011, runs)),
    );
    rows.push(
      ...(graph2025 === undefined
        ? [notRun(anycast, missing(SNAPSHOT_2025))]
        : anycastRows(graph2025, runsEach)),
    );
  }
  return rows;
}

type Snapshot = typeof SNAPSHOT_2011 | typeof SNAPSHOT_2025;

function find(given: readonly GivenGraph[], { ases, links }: Snapshot): AsGraph | undefined {
  return given.find(({ graph }) => graph.vertexCount === ases && graph.neighbors.length === 2 * links)?.graph;
}

function missing({ name }: Snapshot): string {
  return `needs CAIDA's ${name} (serial-1), by --graph`;
}

function printRow(output: Output, { quantity, expected, got, source, kind, verdict }: TruthRow): void {
  output.print(`${output.paint(COLOUR[verdict], verdict.padEnd(8))} ${quantity}`);
  output.print(output.paint("dim", `         expected ${expected}; got ${got}; ${kind}; ${source}`));
}

function summary(rows: readonly TruthRow[]): string {
  const count = (...verdicts: string[]): number =>
    rows.filter(({ verdict }) => verdicts.includes(verdict)).length;
  return `${rows.length} rows: ${count("equal", "held", "in")} hold, ${count("differs", "left")} do not, ${count("out")} outside a published band, ${count("no law")} without a law, ${count("not run")} not run`;
}
