/**
 * Numbers for nodes that stay theirs for the life of the gateway, whatever configurations come and go: counters are kept by
 * them, so that a reload never sets one back.
 */
const NODES_MAX = 1_000_000;

export class NodeSlots {
  readonly #slotOf = new Map<string, number>();
  readonly #ids: string[] = [];

  get count(): number {
    return this.#ids.length;
  }

  /** The slot of this node, a new one if it was never heard of. Throws beyond a million names. */
  of(id: string): number {
    const known = this.#slotOf.get(id);
    if (known !== undefined) return known;
    if (this.#ids.length >= NODES_MAX) throw new RangeError(`more than ${NODES_MAX} node ids in one life`);
    const slot = this.#ids.push(id) - 1;
    this.#slotOf.set(id, slot);
    return slot;
  }

  idOf(slot: number): string {
    return this.#ids[slot]!;
  }
}
