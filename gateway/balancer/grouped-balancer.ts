/**
 * Balancers for groups of a site's nodes, where a request is for some of them: each group has one of its own, so that a choice
 * costs what it costs among so many nodes, and nobody of the others is drawn and refused.
 *
 * A group's balancer is made when it is asked for the first time, and knows from then on of all attempts at its nodes, whichever
 * group they were picked in. What nobody asks for costs nothing: a node is mostly in one group that is made.
 */
import { invariant } from "#core/assert.ts";
import { NONE, type Balancer, type BalancerMember, type PickRequest } from "./balancer.ts";
import { MemberCounts } from "./member-counts.ts";

export type MakeBalancer = (members: readonly BalancerMember[]) => Balancer;

export class GroupedBalancer extends MemberCounts {
  readonly #ids: readonly string[];
  readonly #groups: readonly (readonly number[])[];
  readonly #make: MakeBalancer;
  readonly #made: (Balancer | undefined)[];
  /** By slot: out of rotation, as far as was told. */
  readonly #isOut: boolean[];
  /** By slot: those that were made, and have it among their members. */
  readonly #ofSlot: readonly Balancer[][];

  /** `groups`: the slots of each. */
  constructor(
    members: readonly BalancerMember[],
    groups: readonly (readonly number[])[],
    makeBalancer: MakeBalancer,
  ) {
    super(members);
    this.#ids = members.map(({ id }) => id);
    this.#groups = groups;
    this.#make = makeBalancer;
    this.#made = groups.map(() => undefined);
    this.#isOut = members.map(() => false);
    this.#ofSlot = members.map(() => []);
  }

  /** Infinity: its algorithm does not rank, or nobody was chosen from its group yet. */
  costOf(node: number, nowMs: number): number {
    return this.#of(node)[0]?.costOf?.(node, nowMs) ?? Infinity;
  }

  observed(node: number, tookMs: number, nowMs: number): void {
    const balancers = this.#of(node);
    for (let index = 0; index < balancers.length; index++) balancers[index]!.observed?.(node, tookMs, nowMs);
  }

  stateChanged(node: number, isEligible: boolean): void {
    this.#isOut[this.slotOf(node)] = !isEligible;
    for (const balancer of this.#of(node)) balancer.stateChanged?.(node, isEligible);
  }

  protected pickFrom(group: number, isEligible: (node: number) => boolean, request: PickRequest): number {
    const slots = this.#groups[group];
    invariant(slots !== undefined, `there is no group ${group}`);
    if (slots.length === 0) return NONE;
    return (this.#made[group] ??= this.#makeGroup(slots)).pick(isEligible, request);
  }

  protected override loadChanged(slot: number, by: number): void {
    const balancers = this.#ofSlot[slot]!;
    const node = this.nodes[slot]!;
    for (let index = 0; index < balancers.length; index++) {
      if (by > 0) balancers[index]!.take(node);
      else balancers[index]!.giveBack(node);
    }
  }

  protected override weightChanged(slot: number): void {
    for (const balancer of this.#ofSlot[slot]!) balancer.setWeight(this.nodes[slot]!, this.weights[slot]!);
  }

  #makeGroup(slots: readonly number[]): Balancer {
    const balancer = this.#make(
      slots.map((slot) => ({ node: this.nodes[slot]!, id: this.#ids[slot]!, weight: this.weights[slot]! })),
    );
    for (const slot of slots) {
      for (let count = 0; count < this.actives[slot]!; count++) balancer.take(this.nodes[slot]!);
      if (this.#isOut[slot]) balancer.stateChanged?.(this.nodes[slot]!, false);
      this.#ofSlot[slot]!.push(balancer);
    }
    return balancer;
  }

  #of(node: number): readonly Balancer[] {
    return this.#ofSlot[this.slotOf(node)]!;
  }
}
