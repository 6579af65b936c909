/**
 * Numbers AS numbers in the order in which they are met: open addressing over typed arrays, because a `Map` of a
 * million look-ups is a third of the time of loading the Internet. Holds any 32-bit number but 0, which is no AS
 * (RFC 7607).
 */
const SLOTS_MIN = 1 << 12;
const MULTIPLIER = 0x9e37_79b1;

export class AsnIndex {
  #keys = new Uint32Array(SLOTS_MIN);
  #values = new Int32Array(SLOTS_MIN);
  #asns = new Uint32Array(SLOTS_MIN / 2);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of `asn`; a new one when it was never met. */
  of(asn: number): number {
    const mask = this.#keys.length - 1;
    let slot = (Math.imul(asn, MULTIPLIER) >>> 8) & mask;
    for (let key = this.#keys[slot]!; key !== 0; key = this.#keys[slot]!) {
      if (key === asn) return this.#values[slot]!;
      slot = (slot + 1) & mask;
    }
    if (this.#count === this.#asns.length) {
      this.#grow();
      return this.of(asn);
    }
    this.#keys[slot] = asn;
    this.#values[slot] = this.#count;
    this.#asns[this.#count] = asn;
    this.#count += 1;
    return this.#count - 1;
  }

  /** All met, ascending, and where each number now stands among them. */
  sorted(): { readonly asn: Uint32Array; readonly rankOf: Int32Array } {
    const asn = this.#asns.slice(0, this.#count).sort();
    const rankOf = new Int32Array(this.#count);
    for (const [rank, each] of asn.entries()) rankOf[this.of(each)] = rank;
    return { asn, rankOf };
  }

  #grow(): void {
    const slots = this.#keys.length * 2;
    const asns = this.#asns;
    this.#keys = new Uint32Array(slots);
    this.#values = new Int32Array(slots);
    this.#asns = new Uint32Array(slots / 2);
    const count = this.#count;
    this.#count = 0;
    for (let index = 0; index < count; index++) this.of(asns[index]!);
  }
}
