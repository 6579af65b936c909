/**
 * Seeded randomness: sfc32 (Chris Doty-Humphrey, PractRand), 32-bit integer arithmetic only, so that a run is the
 * same on every engine. One stream per purpose: `prng.fork("bgp/mrai")` depends on the seed and the label alone, so a
 * new draw in one module shifts no other. Not for secrets: tokens come from `core/host/random.ts`.
 */
import { invariant } from "./assert.ts";

const WARM_UP_ROUNDS = 12;

export class Prng {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /** `seed` is any integer; its low 32 bits count. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#a = this.#seed;
    this.#b = mix(this.#seed ^ 0x9e37_79b9);
    this.#c = mix(this.#seed ^ 0x85eb_ca6b);
    this.#counter = 1;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.uint32();
  }

  /** An independent stream for one purpose. */
  fork(label: string): Prng {
    return new Prng(mix(this.#seed ^ hashText(label)));
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** Uniform integer in [min, max], both ends included; at most 2^32 values. Unbiased (rejection). */
  integer(min: number, max: number): number {
    const span = max - min + 1;
    invariant(
      Number.isSafeInteger(min) && Number.isSafeInteger(max) && span >= 1 && span <= 2 ** 32,
      `no integers in [${min}, ${max}]`,
    );
    const limit = 2 ** 32 - (2 ** 32 % span);
    let draw = this.uint32();
    while (draw >= limit) draw = this.uint32();
    return min + (draw % span);
  }

  /** True with probability `numerator / denominator`. */
  chance(numerator: number, denominator: number): boolean {
    return this.integer(0, denominator - 1) < numerator;
  }

  /** Fisher-Yates, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(0, last);
      const item = items[last]!;
      items[last] = items[other]!;
      items[other] = item;
    }
    return items;
  }
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** FNV-1a over UTF-16 code units: 32 bits, for labels and bucket choice, not against adversaries. */
export function hashText(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}
