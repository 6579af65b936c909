/**
 * Reads big-endian numbers off bytes. Reading past the end gives zeros and sets `hasFailed`, so that a decoder checks
 * once per structure instead of before each field.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #hasFailed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next octet without taking it; undefined at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#offset];
  }

  u8(): number {
    if (this.left < 1) return this.#fail();
    return this.#bytes[this.#offset++]!;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return ((this.u16() << 16) | this.u16()) >>> 0;
  }

  bytes(length: number): Uint8Array {
    if (this.left < length) {
      this.#fail();
      return new Uint8Array(0);
    }
    const taken = this.#bytes.slice(this.#offset, this.#offset + length);
    this.#offset += length;
    return taken;
  }

  #fail(): number {
    this.#hasFailed = true;
    this.#offset = this.#bytes.length;
    return 0;
  }
}
