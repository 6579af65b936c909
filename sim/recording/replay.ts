/**
 * A recording, played in both directions: a cursor stands between two changes, and the Loc-RIB of every AS is that of
 * its moment. A step forwards applies a change, a step backwards puts back what stood there before, so a far jump costs
 * as much as the changes on the way and a near one almost nothing.
 *
 * At a time t everything counts that happened at t or before, as in the engine's `advance`.
 */
import { solveCatchment } from "#sim/anycast/solve.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { digestGraph } from "./digest.ts";
import { RecordingError } from "./format.ts";
import type { EventColumns, Recording } from "./read-recording.ts";

const NONE = -1;

export class Replay {
  readonly recording: Recording;
  readonly graph: AsGraph;
  /** Best path of each vertex as heard, in `recording.paths`; a site's own root; 0 none. */
  readonly #best: Int32Array;
  /** Of each change: what it replaced. */
  readonly #before: Int32Array;
  /** Changes below this one have happened. */
  #cursor = 0;

  /** Throws `RecordingError` when `graph` is not the one that was played on. */
  constructor(recording: Recording, graph: AsGraph) {
    const { name, digest } = recording.header.graph;
    const own = digestGraph(graph);
    if (own !== digest) {
      throw new RecordingError(
        1,
        `it was played on another graph than ${name} is now: digest ${digest}, not ${own}`,
      );
    }
    this.recording = recording;
    this.graph = graph;
    this.#best = bestAtFirst(recording, graph);
    const { count, vertex, path } = recording.changes;
    this.#before = new Int32Array(count);
    for (let index = 0; index < count; index++) {
      this.#before[index] = this.#best[vertex[index]!]!;
      this.#best[vertex[index]!] = path[index]!;
    }
    this.#cursor = count;
  }

  /** How many changes have happened at the moment of the cursor. */
  get cursor(): number {
    return this.#cursor;
  }

  /** To the moment `atUs`, forwards or backwards. */
  seek(atUs: number): void {
    const { vertex, path } = this.recording.changes;
    const target = countUntil(this.recording.changes, atUs);
    for (; this.#cursor < target; this.#cursor++) this.#best[vertex[this.#cursor]!] = path[this.#cursor]!;
    while (this.#cursor > target) {
      this.#cursor -= 1;
      this.#best[vertex[this.#cursor]!] = this.#before[this.#cursor]!;
    }
  }

  /** Best path of the AS as it heard it; 0 without a route. */
  bestPath(vertex: number): number {
    return this.#best[vertex]!;
  }

  /** What change `index` replaced. */
  pathBefore(index: number): number {
    return this.#before[index]!;
  }

  /** Vertex that packets of this vertex go to next; itself at a site that announces, -1 without a route. */
  nextHop(vertex: number): number {
    const path = this.#best[vertex]!;
    return path === 0 ? NONE : this.recording.paths.head[path]!;
  }

  /** Vertex of the site whose announcement the AS believes in; -1 without a route. */
  siteOf(vertex: number): number {
    const path = this.#best[vertex]!;
    return path === 0 ? NONE : this.recording.paths.site[path]!;
  }

  /** AS numbers of a path, nearest first, the site's own as often as it prepends. */
  asPath(path: number): number[] {
    const { head, parent, length } = this.recording.paths;
    const numbers: number[] = [];
    for (let at = path; at !== 0; at = parent[at]!) {
      const repeats = parent[at] === 0 ? length[at]! : 1;
      for (let count = 0; count < repeats; count++) numbers.push(this.graph.asn[head[at]!]!);
    }
    return numbers;
  }
}

/** How many events happened at `atUs` or before. */
export function countUntil({ count, atUs: times }: EventColumns, atUs: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= atUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As the engine adopts it: the catchment of what was announced, every path as its AS heard it. */
function bestAtFirst({ header, paths }: Recording, graph: AsGraph): Int32Array {
  const { next, length } = solveCatchment(graph, header.announced);
  const passed = new Int32Array(graph.vertexCount);
  const best = new Int32Array(graph.vertexCount);
  for (const origin of header.announced) {
    passed[origin.vertex] = best[origin.vertex] = paths.root(origin.vertex, origin);
  }
  const order = [...next.keys()].filter((vertex) => next[vertex] !== NONE);
  // A next hop's path is shorter, so it is there already.
  order.sort((x, y) => length[x]! - length[y]!);
  for (const vertex of order) {
    best[vertex] = passed[next[vertex]!]!;
    passed[vertex] = paths.extend(vertex, best[vertex]);
  }
  return best;
}
