/**
 * The one interface of all load balancers. Nodes are small integers that mean the same thing in every room of the
 * gateway; a balancer serves the nodes of one site and knows nothing of health, sockets or time.
 *
 * Choosing and taking are two calls, because a chosen node may still turn out to have no free connection.
 */
export const NONE = -1;

export interface Balancer {
  /**
   * The node for the next attempt: eligible, not excluded, of weight above 0. `NONE` when there is no such node.
   * `excluded` is short (nodes this request has tried) and is searched, not hashed.
   */
  pick(isEligible: (node: number) => boolean, excluded: readonly number[]): number;
  /** An attempt has begun. */
  take(node: number): void;
  /** The attempt has ended, however it ended. */
  giveBack(node: number): void;
  /** Attempts in flight. */
  active(node: number): number;
  /** Whole number >= 0. With 0 the node gets no new attempts; those in flight are not touched. */
  setWeight(node: number, weight: number): void;
  weight(node: number): number;
  /** The node went out of rotation or came back. For algorithms that keep a table or start slowly. */
  stateChanged?(node: number, isEligible: boolean): void;
}

export interface BalancerMember {
  readonly node: number;
  readonly weight: number;
}
