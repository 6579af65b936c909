/**
 * Consistent hashing with Maglev's table (Eisenbud et al., "Maglev", NSDI 2016, §3.4): requests with the same key go to
 * the same node, every gateway that knows the same nodes agrees, and a node that goes moves almost only its own keys.
 * Nodes fill the table in turns, each along a permutation of its own, a heavier node more often.
 *
 * Load is bounded (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018): a node that holds
 * more than `loadFactorPercent` of its fair share of the attempts in flight is passed over, and so is one that is out;
 * the request goes on to another entry of the table, in a stride of its key's own, so that what one node cannot take is
 * spread over all the others. The table changes with weights only, not with health.
 */
import { hashText } from "#core/prng.ts";
import { NONE, type BalancerMember, type PickRequest } from "./balancer.ts";
import { MemberBalancer } from "./member-balancer.ts";

/** A prime, as the permutations need (Maglev §5.3: 65,537 keeps shares even for hundreds of nodes). */
const TABLE_SIZE = 65_537;
/** 2^32 by the golden ratio: keys that share an entry go on from it in different strides. */
const STRIDE_MIX = 0x9e37_79b1;
const PROBES_MAX = 1_024;
const PERCENT = 100;

export class Maglev extends MemberBalancer {
  readonly #ids: readonly string[];
  readonly #loadFactorPercent: number;
  /** Slot of each entry; undefined: to be filled. */
  #table: Int32Array | undefined;
  #weightSum = 0;
  #activeSum = 0;

  /** `loadFactorPercent` 0: loads are not bounded. */
  constructor(members: readonly BalancerMember[], loadFactorPercent: number) {
    super(members);
    this.#ids = members.map(({ id }) => id);
    this.#loadFactorPercent = loadFactorPercent;
  }

  override take(node: number): void {
    super.take(node);
    this.#activeSum += 1;
  }

  override giveBack(node: number): void {
    super.giveBack(node);
    this.#activeSum -= 1;
  }

  protected override pickSlot(accept: (slot: number) => boolean, { key }: PickRequest): number {
    const table = (this.#table ??= this.#fill());
    if (this.#weightSum === 0) return NONE;
    // The table's size is a prime, so any stride comes by every entry.
    const stride = 1 + ((Math.imul(key, STRIDE_MIX) >>> 0) % (TABLE_SIZE - 1));
    let home = NONE;
    let entry = (key >>> 0) % TABLE_SIZE;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = table[entry]!;
      entry = (entry + stride) % TABLE_SIZE;
      if (slot === home || !accept(slot)) continue;
      if (!this.#isFull(slot)) return slot;
      if (home === NONE) home = slot;
    }
    return home === NONE ? this.nextFrom(0, accept) : home;
  }

  protected override weightChanged(): void {
    this.#table = undefined;
  }

  #fill(): Int32Array {
    this.#weightSum = this.weights.reduce((sum, weight) => sum + weight, 0);
    return fillTable(this.#ids, this.weights);
  }

  /** One more would be more than its share, rounded up, of one more. */
  #isFull(slot: number): boolean {
    if (this.#loadFactorPercent === 0) return false;
    const fair = ((this.#activeSum + 1) * this.weights[slot]!) / this.#weightSum;
    const share = (fair * this.#loadFactorPercent) / PERCENT;
    return this.actives[slot]! + 1 > Math.ceil(share);
  }
}

function fillTable(ids: readonly string[], weights: readonly number[]): Int32Array {
  const table = new Int32Array(TABLE_SIZE).fill(NONE);
  const weightMax = weights.reduce((most, weight) => Math.max(most, weight), 0);
  if (weightMax === 0) return table;
  // In the order of the ids, so that tables agree however the nodes were listed.
  const slots = [...ids.keys()].sort((a, b) => (ids[a]! < ids[b]! ? -1 : 1));
  const turns = slots.map((slot) => ({
    slot,
    entry: hashText(`${ids[slot]}/offset`) % TABLE_SIZE,
    skip: (hashText(`${ids[slot]}/skip`) % (TABLE_SIZE - 1)) + 1,
    share: weights[slot]! / weightMax,
    credit: 0,
  }));
  for (let filled = 0; ;) {
    for (const turn of turns) {
      turn.credit += turn.share;
      if (turn.credit < 1) continue;
      turn.credit -= 1;
      while (table[turn.entry] !== NONE) turn.entry = (turn.entry + turn.skip) % TABLE_SIZE;
      table[turn.entry] = turn.slot;
      filled += 1;
      if (filled === TABLE_SIZE) return table;
    }
  }
}
