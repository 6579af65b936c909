/**
 * Balancers that always take the cheapest node, where a node costs what its algorithm says, by weight. Fractions are
 * compared by cross-multiplication, without a division; with whole costs that is exact. Equal nodes take turns.
 */
import { NONE } from "./balancer.ts";
import { MemberBalancer } from "./member-balancer.ts";
import { RankedSlots } from "./ranked-slots.ts";

export abstract class RankedBalancer extends MemberBalancer {
  /** Made at its first use: before that a subclass has no costs. */
  #ranked: RankedSlots | undefined;
  /** When each slot was picked last, in picks. */
  readonly #turns = this.nodes.map(() => 0);
  #turn = 0;

  /** Before weight. Whoever changes it says so with `loadChanged`. */
  protected abstract cost(slot: number): number;

  costOf(node: number): number {
    const slot = this.slotOf(node);
    return this.cost(slot) / this.weights[slot]!;
  }

  protected override pickSlot(accept: (slot: number) => boolean): number {
    const ranked = this.#slots();
    const slot = ranked.first(accept);
    if (slot === NONE) return NONE;
    this.#turns[slot] = this.#turn += 1;
    ranked.moved(slot);
    return slot;
  }

  stateChanged(node: number, isEligible: boolean): void {
    this.#slots().setOut(this.slotOf(node), !isEligible);
  }

  protected override loadChanged(slot: number): void {
    this.#ranked?.moved(slot);
  }

  #slots(): RankedSlots {
    return (this.#ranked ??= new RankedSlots(this.nodes.length, (slot, other) =>
      this.#isBefore(slot, other),
    ));
  }

  #isBefore(slot: number, other: number): boolean {
    const mine = this.cost(slot) * this.weights[other]!;
    const theirs = this.cost(other) * this.weights[slot]!;
    if (mine !== theirs) return mine < theirs;
    const turns = this.#turns[slot]! - this.#turns[other]!;
    return turns === 0 ? slot < other : turns < 0;
  }
}
