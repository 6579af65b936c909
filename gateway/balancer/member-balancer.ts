/** A choice among members that have a weight, have not been tried, and may be asked. How to choose is the algorithm's. */
import { NONE, type Balancer, type PickRequest } from "./balancer.ts";
import { MemberCounts } from "./member-counts.ts";

/** With half of the nodes out, one request in 65,000 finds nobody by so many draws; then the list is walked. */
export const DRAWS_MAX = 16;

export abstract class MemberBalancer extends MemberCounts implements Balancer {
  pick(isEligible: (node: number) => boolean, request: PickRequest): number {
    const slot = this.pickSlot((candidate) => {
      const node = this.nodes[candidate]!;
      return this.weights[candidate] !== 0 && !request.excluded.includes(node) && isEligible(node);
    }, request);
    return slot === NONE ? NONE : this.nodes[slot]!;
  }

  /** The slot chosen among those that `accept` likes; `NONE` when it likes none. */
  protected abstract pickSlot(accept: (slot: number) => boolean, request: PickRequest): number;

  /** The first acceptable slot from `start` on, around the end of the list. */
  protected nextFrom(start: number, accept: (slot: number) => boolean): number {
    const count = this.nodes.length;
    for (let step = 0; step < count; step++) {
      const slot = start + step < count ? start + step : start + step - count;
      if (accept(slot)) return slot;
    }
    return NONE;
  }
}
