/**
 * A 64-bit digest in two lanes of 32-bit integer arithmetic: FNV-1a beside a multiplicative hash of another constant,
 * each finished by MurmurHash3's mixer. Tells whether a graph or a file is the one that was meant. Nobody is kept from
 * forging one; whoever needs that hashes the file.
 */
import type { AsGraph } from "#sim/topology/as-graph.ts";

const FNV_PRIME = 0x0100_0193;
const OTHER_PRIME = 0x85eb_ca6b;

export class Digest {
  #a = 0x811c_9dc5 | 0;
  #b = 0x9e37_79b9 | 0;

  addInteger(value: number): void {
    this.#a = Math.imul(this.#a ^ value, FNV_PRIME);
    // The high bits of the first lane never reach its low ones: the second turns.
    this.#b = Math.imul((this.#b << 5) ^ (this.#b >>> 27) ^ value, OTHER_PRIME);
  }

  addIntegers(values: Int32Array | Uint32Array | Uint8Array): void {
    this.addInteger(values.length);
    for (let index = 0; index < values.length; index++) this.addInteger(values[index]!);
  }

  /** UTF-16 code units, and where the text ends. */
  addText(text: string): void {
    for (let index = 0; index < text.length; index++) this.addInteger(text.charCodeAt(index));
    this.addInteger(-1);
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    return hex(mixed(this.#a)) + hex(mixed(this.#b));
  }
}

/** Of everything by which two graphs can differ, the order of vertices included. */
export function digestGraph({ asn, offsets, neighbors, relations }: AsGraph): string {
  const digest = new Digest();
  digest.addIntegers(asn);
  digest.addIntegers(offsets);
  digest.addIntegers(neighbors);
  digest.addIntegers(relations);
  return digest.text;
}

function mixed(value: number): number {
  const hash = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  return hash ^ (hash >>> 13);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
