/**
 * The one interface of all load balancers. Nodes are small integers that mean the same thing in every room of the
 * gateway; a balancer serves the nodes of one site and knows nothing of health or sockets. Time is an argument.
 *
 * Choosing and taking are two calls, because a chosen node may still turn out to have no free connection.
 */
export const NONE = -1;

/** In place of a subset's number: all nodes. */
export const WHOLE = -1;

/** What a choice may depend on beside the balancer's own state. */
export interface PickRequest {
  /** Nodes this request has tried. Short, so it is searched, not hashed. */
  readonly excluded: readonly number[];
  readonly nowMs: number;
  /** 32 bits that are equal for requests that belong together; only algorithms that hash look at it. */
  readonly key: number;
  /** Sticky sessions: the node or key it belongs to (`Affinity.markOf`); undefined: any node will do. */
  readonly affinity?: number | undefined;
  /** It may be asked of a node that is out, since it may be repeated elsewhere. */
  readonly mayProbe?: boolean;
  /** Nodes are asked whether or not they are well, all of them: no zone is preferred. */
  readonly isPanic?: boolean;
  /** Subsets of nodes it may be given to, the first one first; `WHOLE`: all nodes. Absent: all nodes. */
  readonly subsets?: readonly number[] | undefined;
}

export interface Balancer {
  /**
   * The node for the next attempt: eligible, not excluded, of weight above 0, of the subset. `NONE` when there is no such node.
   * Without a subset: `WHOLE`, and balancers of sites without any know nothing else.
   */
  pick(isEligible: (node: number) => boolean, request: PickRequest, subset?: number): number;
  /** An attempt has begun. */
  take(node: number): void;
  /** The attempt has ended, however it ended. */
  giveBack(node: number): void;
  readonly members: readonly number[];
  /** Attempts in flight. */
  active(node: number): number;
  /** Whole number >= 0. With 0 the node gets no new attempts; those in flight are not touched. */
  setWeight(node: number, weight: number): void;
  weight(node: number): number;
  /** What the node costs just now, less is better, for whoever wants to see why; absent: the algorithm does not rank. */
  costOf?(node: number, nowMs: number): number;
  /** An attempt has waited for its node so long, ms: until the head of the answer, or in vain. */
  observed?(node: number, tookMs: number, nowMs: number): void;
  /** The node went out of rotation or came back. For algorithms that remember what a node was like, or have an order of all nodes. */
  stateChanged?(node: number, isEligible: boolean): void;
  /** Absent: there are no subsets, each member is of all. */
  isWithin?(node: number, subset: number): boolean;
  /** Whether the node's zone is the one this request goes to first. Absent: zones do not count. */
  isPreferred?(node: number, request: PickRequest, subset: number): boolean;
  /** It gets first attempts only of what others cannot carry: it is not of the gateway's zone. Absent: zones do not count. */
  isAside?(node: number, subset: number): boolean;
  /** Of first attempts so many percent stay in the gateway's own zone. Undefined or absent: no zone is preferred. */
  ownZonePercent?(subset: number): number | undefined;
}

export interface BalancerMember {
  readonly node: number;
  /** Hashed where the algorithm hashes, so that every gateway of a fleet agrees. */
  readonly id: string;
  readonly weight: number;
}
