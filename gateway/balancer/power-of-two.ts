/**
 * The less loaded of two nodes drawn by chance, by (active + 1) / weight (Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing", 2001). Almost as even as least connections, at a cost that does not grow with the nodes,
 * and without the herd: gateways that do not know of each other do not all choose the same node.
 */
import type { Prng } from "#core/prng.ts";
import { NONE, type BalancerMember } from "./balancer.ts";
import { drawTwo } from "./draws.ts";
import { MemberBalancer } from "./member-balancer.ts";

export class PowerOfTwo extends MemberBalancer {
  readonly #prng: Prng;

  constructor(members: readonly BalancerMember[], prng: Prng) {
    super(members);
    this.#prng = prng;
  }

  protected override pickSlot(accept: (slot: number) => boolean): number {
    const count = this.nodes.length;
    const [first, second] = drawTwo(this.#prng, count, accept);
    if (first === NONE) return this.nextFrom(0, accept);
    if (second === NONE) return first;
    return this.#isLighter(second, first) ? second : first;
  }

  #isLighter(slot: number, other: number): boolean {
    return (
      (this.actives[slot]! + 1) * this.weights[other]! < (this.actives[other]! + 1) * this.weights[slot]!
    );
  }
}
