/** A set of small integers that is walked in ascending order: one bit each. */
export class VertexSet {
  /** Member i is bit i % 32 of word i / 32. */
  readonly words: Int32Array;
  #size = 0;

  constructor(vertexCount: number) {
    this.words = new Int32Array(Math.ceil(vertexCount / 32));
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(member: number): void {
    this.words[member >>> 5]! |= 1 << (member & 31);
    this.#size += 1;
  }

  clear(): void {
    if (this.#size > 0) this.words.fill(0);
    this.#size = 0;
  }
}
