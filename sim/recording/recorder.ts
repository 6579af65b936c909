/**
 * Writes down what an engine does, while it does it, as the lines of `format.ts`. A path is defined the first time it is
 * needed, whatever its number in the engine. Lines leave at once: a recording is as large as a disk, not as a memory.
 */
import { invariant } from "#core/assert.ts";
import type { PropagationEngine } from "#sim/propagation/engine.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { Digest } from "./digest.ts";
import { EVENTS_MAX, MARKS, PATHS_MAX, type RecordingHeader } from "./format.ts";

/** What a recorder needs to see of the engine; any vertex of it, at the moment of the event. */
export type RecordedEngine = Pick<PropagationEngine, "paths" | "bestPath">;

const CAPACITY_FIRST = 1024;

export class Recorder {
  readonly #graph: AsGraph;
  readonly #engine: RecordedEngine;
  readonly #write: (line: string) => void;
  readonly #digest = new Digest();
  /** Number in the file of each path of the engine; 0: not defined yet. */
  #numbers = new Int32Array(CAPACITY_FIRST);
  #pathCount = 0;
  #eventCount = 0;
  #lineCount = 0;

  /** `write` gets whole lines without their end. */
  constructor(
    header: RecordingHeader,
    graph: AsGraph,
    engine: RecordedEngine,
    write: (line: string) => void,
  ) {
    this.#graph = graph;
    this.#engine = engine;
    this.#write = write;
    this.#line(JSON.stringify(header));
  }

  /** `EVENTS_MAX` is reached: what came after that is not in the file, and the file must not be kept. */
  get isFull(): boolean {
    return this.#eventCount > EVENTS_MAX || this.#pathCount > PATHS_MAX;
  }

  bestChanged(vertex: number, atUs: number): void {
    const path = this.#numberOf(this.#engine.bestPath(vertex));
    this.#event(`["b",${atUs},${vertex},${path}]`);
  }

  /** `slot` is the receiver's end of the session, `path` the engine's; 0 is a withdrawal. */
  arrived(slot: number, path: number, atUs: number): void {
    const { neighbors, reverse } = this.#graph;
    const to = neighbors[reverse[slot]!];
    const number = this.#numberOf(path);
    this.#event(`["m",${atUs},${to},${neighbors[slot]},${number}]`);
  }

  /** The last line. Nothing may come after it. */
  finish(): void {
    invariant(!this.isFull, "a recording that lacks events was finished");
    this.#write(`["end",${this.#lineCount},"${this.#digest.text}"]`);
  }

  #event(line: string): void {
    this.#eventCount += 1;
    if (!this.isFull) this.#line(line);
  }

  #line(line: string): void {
    this.#lineCount += 1;
    this.#digest.addText(line);
    this.#write(line);
  }

  /** Defines the path, and before it whatever stands behind it. */
  #numberOf(path: number): number {
    if (path === 0) return 0;
    const { head, parent, count } = this.#engine.paths;
    if (count > this.#numbers.length) this.#grow(count);
    const missing: number[] = [];
    for (let at = path; at !== 0 && this.#numbers[at] === 0; at = parent[at]!) missing.push(at);
    while (missing.length > 0) {
      const at = missing.pop()!;
      this.#pathCount += 1;
      this.#numbers[at] = this.#pathCount;
      if (this.isFull) continue;
      if (parent[at] === 0) this.#line(this.#rootLine(at));
      else this.#line(`["p",${head[at]},${this.#numbers[parent[at]!]}]`);
    }
    return this.#numbers[path]!;
  }

  #rootLine(path: number): string {
    const { head, length, isGraceful, isNoExport, isNoPeer } = this.#engine.paths;
    const marks =
      (isGraceful[path] === 1 ? MARKS.gracefulShutdown : 0) +
      (isNoExport[path] === 1 ? MARKS.noExport : 0) +
      (isNoPeer[path] === 1 ? MARKS.noPeer : 0);
    return `["r",${head[path]},${length[path]! - 1},${marks}]`;
  }

  #grow(count: number): void {
    let capacity = this.#numbers.length;
    while (capacity < count) capacity *= 2;
    const numbers = new Int32Array(capacity);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}
