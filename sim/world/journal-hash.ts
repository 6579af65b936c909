/**
 * FNV-1a, 64 bits, over UTF-16 code units: tells whether two runs were the same. In two 32-bit halves of plain
 * integers, so that a run carries its hash itself and the simulator stays free of libraries; 64 bits because a few
 * thousand runs are compared, and nobody forges one. Who wants SHA-256 hashes the lines.
 */
const PRIME_LOW = 0x1b3;
/** The prime is 2^40 + 0x1b3: its high part shifts the low half by 8 into the high half. */
const PRIME_SHIFT = 256;
const TWO_32 = 2 ** 32;

export class JournalHash {
  #high = 0xcbf2_9ce4;
  #low = 0x8422_2325;

  add(text: string): void {
    for (let index = 0; index < text.length; index++) {
      const low = (this.#low ^ text.charCodeAt(index)) >>> 0;
      const product = low * PRIME_LOW;
      const high = this.#high * PRIME_LOW + Math.floor(product / TWO_32) + low * PRIME_SHIFT;
      this.#low = product % TWO_32;
      this.#high = high % TWO_32;
    }
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

function hex(half: number): string {
  return half.toString(16).padStart(8, "0");
}
