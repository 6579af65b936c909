/** What an AS counts for, as the flags or the world say: one, its customer cone, or its clients in a file of the user's. */
import { UserError } from "#core/errors.ts";
import { coneWeights, equalWeights, type Weights } from "#sim/anycast/weights.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import { whole } from "./columns.ts";
import { readAsRows } from "./csv-rows.ts";
import type { WeightFlags, WeightName } from "./weight-options.ts";

const CLIENTS_MAX = 1e15;
/** ASes that the graph does not have and that are named. */
const UNKNOWN_NAMED_MAX = 5;

export interface OpenWeights {
  readonly weights: Weights;
  /** For a headline: `every AS counts one`. */
  readonly unit: string;
  /** For a document. */
  readonly document: object;
}

/** `--weight-file`, else `--weight`, else the clients that the world names, else one each. */
export async function openWeights(
  world: OpenWorld,
  flags: WeightFlags,
  output: Output,
): Promise<OpenWeights> {
  const file = flags.weightFile ?? (flags.weight === undefined ? world.clientsFile : undefined);
  if (flags.weightFile !== undefined && flags.weight !== undefined) {
    throw new UserError("WEIGHT_TWICE", "--weight and --weight-file are both given", {
      hint: "give one of them",
    });
  }
  if (file !== undefined) return readClients(world, file, output);
  const weight = flags.weight ?? "count";
  return { weights: weightsOf(world, weight), unit: unitOf(weight), document: { name: weight } };
}

export function weightsOf({ graph, networkCount }: OpenWorld, weight: WeightName): Weights {
  return weight === "cone" ? coneWeights(graph, networkCount) : equalWeights(graph, networkCount);
}

export function unitOf(weight: WeightName): string {
  return weight === "cone" ? "an AS counts for its customer cone" : "every AS counts one";
}

/** Several lines of one AS add up; ASes that the graph does not have are counted, and told. */
async function readClients(world: OpenWorld, file: string, output: Output): Promise<OpenWeights> {
  const { graph, networkCount, graphName } = world;
  const vertexOf = new Map<number, number>();
  for (let vertex = 0; vertex < networkCount; vertex++) vertexOf.set(graph.asn[vertex]!, vertex);
  const weights = new Float64Array(graph.vertexCount);
  const unknown = { lines: 0, weight: 0, named: new Set<number>() };
  let lines = 0;
  await readAsRows(file, [{ name: "weight", min: 0, max: CLIENTS_MAX }], (asn, [weight = 0]) => {
    lines += 1;
    const vertex = vertexOf.get(asn);
    if (vertex !== undefined) {
      weights[vertex]! += weight;
      return;
    }
    unknown.lines += 1;
    unknown.weight += weight;
    if (unknown.named.size < UNKNOWN_NAMED_MAX) unknown.named.add(asn);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) {
    const why =
      lines === 0 ? "has no line with clients" : `weighs nothing in ${graphName}: none of its ASes is there`;
    throw new UserError("WEIGHTS_EMPTY", `${file} ${why}`, {
      hint: "write AS,weight in each line, such as 13335,1200",
    });
  }
  if (unknown.lines > 0) {
    const named = [...unknown.named].map((asn) => `AS ${asn}`).join(", ");
    const share = ((100 * unknown.weight) / (total + unknown.weight)).toFixed(1);
    output.tell(
      `${file}: ${whole(unknown.lines)} of ${whole(lines)} lines (${share} % of the weight) name ASes that the graph does not have: ${named}${unknown.lines > unknown.named.size ? ", …" : ""}`,
    );
  }
  return {
    weights,
    unit: `an AS counts for its clients in ${file}`,
    document: { name: "file", file, lines, unknownLines: unknown.lines, unknownWeight: unknown.weight },
  };
}
