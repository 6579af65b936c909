/** Who passed on what at which path length: (vertex, scenarios) in columns that grow, one run of them per length. */
const CAPACITY_FIRST = 1024;

export class LevelLog {
  vertex = new Int32Array(CAPACITY_FIRST);
  /** A bit for each. */
  scenarios = new Int32Array(CAPACITY_FIRST);
  /** Where each length begins. */
  readonly #starts: number[] = [];
  #count = 0;

  /** Lengths from 0 on; those that were never begun are empty. */
  get levels(): number {
    return this.#starts.length;
  }

  clear(): void {
    this.#starts.length = 0;
    this.#count = 0;
  }

  /** What is added from here on has this length. */
  begin(length: number): void {
    while (this.#starts.length <= length) this.#starts.push(this.#count);
  }

  add(vertex: number, scenarios: number): void {
    if (this.#count === this.vertex.length) this.#grow();
    this.vertex[this.#count] = vertex;
    this.scenarios[this.#count] = scenarios;
    this.#count += 1;
  }

  begins(length: number): number {
    return this.#starts[length] ?? this.#count;
  }

  end(length: number): number {
    return this.#starts[length + 1] ?? this.#count;
  }

  #grow(): void {
    const vertex = new Int32Array(this.vertex.length * 2);
    const scenarios = new Int32Array(this.vertex.length * 2);
    vertex.set(this.vertex);
    scenarios.set(this.scenarios);
    this.vertex = vertex;
    this.scenarios = scenarios;
  }
}
