/**
 * Weighted least connections: the node with the smallest (active + 1)^bias / weight.
 *
 * The +1 sorts nodes by the state after the pick, so a node of weight 2 gets its second attempt before a node of
 * weight 1 gets its first beside another one (the key of HAProxy's `lb_fwlc.c`). A bias above 1 makes load count for
 * more beside weight, as Envoy's `active_request_bias` does; one below 1 for less.
 */
import type { BalancerMember } from "./balancer.ts";
import { RankedBalancer } from "./ranked-balancer.ts";

export class LeastConnections extends RankedBalancer {
  readonly #bias: number;

  constructor(members: readonly BalancerMember[], bias = 1) {
    super(members);
    this.#bias = bias;
  }

  protected override cost(slot: number): number {
    const load = this.actives[slot]! + 1;
    return this.#bias === 1 ? load : load ** this.#bias;
  }
}
