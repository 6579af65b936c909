/**
 * Round-trip times from ASes to sites, as far as anybody knows where an AS is. An AS has a place only if its time to
 * *every* site is known: among some known and some unknown times there is no nearest.
 */
import { invariant } from "#core/assert.ts";

const NOWHERE = -1;

export class RttTable {
  readonly siteCount: number;
  /** Row of each vertex; -1 for one without a place. */
  readonly #rowOf: Int32Array;
  /** By row, then by position of the site, µs. */
  readonly #rttUs: number[] = [];
  readonly #placed: number[] = [];

  constructor(vertexCount: number, siteCount: number) {
    this.siteCount = siteCount;
    this.#rowOf = new Int32Array(vertexCount).fill(NOWHERE);
  }

  /** `rttUs` in the order of the sites. A second place for one AS replaces the first. */
  place(vertex: number, rttUs: readonly number[]): void {
    invariant(rttUs.length === this.siteCount, "a time to every site");
    if (this.#rowOf[vertex] === NOWHERE) {
      this.#rowOf[vertex] = this.#placed.length;
      this.#placed.push(vertex);
    }
    const base = this.#rowOf[vertex]! * this.siteCount;
    for (const [site, us] of rttUs.entries()) this.#rttUs[base + site] = us;
  }

  /** Vertices that have a place, in the order in which they got it. */
  get placed(): readonly number[] {
    return this.#placed;
  }

  has(vertex: number): boolean {
    return this.#rowOf[vertex] !== NOWHERE;
  }

  /** µs from a vertex that has a place to the site at a position. */
  rttUs(vertex: number, site: number): number {
    return this.#rttUs[this.#rowOf[vertex]! * this.siteCount + site]!;
  }
}
