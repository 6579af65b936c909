/**
 * Who is asked next: another node of the best site, then the next site, at once, each node at most once a request.
 *
 * When no node may take the request, the ones that should not are tried rather than nobody (fail-open): first those
 * that are alive but unproven or draining, then those that are out. The candidate says so. A node of weight 0 and a
 * node without a free connection are never tried.
 *
 * A request that may be repeated may be the probe of a node that is out, if one of its first site is due.
 *
 * Where spill-over is on, the first site is drawn by what the sites can carry; from there it goes on in order.
 *
 * A request for a subset of the nodes goes by all of this within the subset. Its fallback, if it has one, is asked when at no site
 * anybody of the subset may be: before those of the subset that should not.
 */
import { NONE, WHOLE, type Balancer, type PickRequest } from "../balancer/balancer.ts";
import type { Affinity } from "../routing/affinity.ts";
import type { SiteSpread } from "./site-spread.ts";

export interface RescuePools {
  /** Balancer of a site, by the site's index. */
  readonly balancers: readonly Balancer[];
  /** In rotation, and able to take one more. */
  isEligible(node: number): boolean;
  /** Alive as far as known, and able to take one more. */
  isReluctant(node: number): boolean;
  /** Able to take one more, whatever its health. */
  hasRoom(node: number): boolean;
  /** The node of a site and subset that is out and whose turn it is to be tried, taken by this call; `NONE`: nobody's turn. */
  takeProbe?(site: number, subset: number, nowMs: number): number;
}

export interface Candidate {
  readonly node: number;
  readonly site: number;
  /** Nobody eligible was left. */
  readonly isLastResort: boolean;
  /** The best site could have taken it, and others carry their part: spill-over. */
  readonly isSpilled?: true;
}

/** Why a node is not asked first; undefined: it may be. */
export interface NodeReason {
  readonly node: number;
  readonly site: number;
  readonly reason: Rejection | undefined;
}

export type Rejection =
  /** Never asked. */
  | "not-in-subset"
  | "breaker-open"
  | "weight-0"
  | "full"
  /** In another zone: for what the own zone cannot take, and after a failure in it. */
  | "other-zone"
  /** When nobody of the subset may be asked. */
  | "fallback"
  /** Unproven or draining: when nobody else may be asked. */
  | "last-resort"
  | "out";

export interface RescuePlanOptions {
  /** Spill-over. */
  readonly spread?: SiteSpread | undefined;
  /** Sticky sessions. */
  readonly affinity?: Affinity | undefined;
  /** False: the site is left alone for now, even if nobody else is there. */
  readonly mayAsk?: ((site: number, nowMs: number) => boolean) | undefined;
}

const EVERYBODY: readonly number[] = [WHOLE];

export class RescuePlan {
  readonly #pools: RescuePools;
  readonly #spread: SiteSpread | undefined;
  readonly #affinity: Affinity | undefined;
  readonly #mayAsk: RescuePlanOptions["mayAsk"];
  readonly #sweeps: readonly ((node: number) => boolean)[];

  constructor(pools: RescuePools, { spread, affinity, mayAsk }: RescuePlanOptions = {}) {
    this.#pools = pools;
    this.#spread = spread;
    this.#affinity = affinity;
    this.#mayAsk = mayAsk;
    this.#sweeps = [
      (node) => pools.isEligible(node),
      (node) => pools.isReluctant(node),
      (node) => pools.hasRoom(node),
    ];
  }

  /** `sites` in order of preference. */
  next(sites: readonly number[], request: PickRequest): Candidate | undefined {
    if (request.mayProbe === true && request.excluded.length === 0) {
      const probe = this.#probe(sites, request);
      if (probe !== undefined) return probe;
    }
    if (this.#spread !== undefined && request.excluded.length === 0) {
      const candidate = this.#first(this.#spread, sites, request);
      if (candidate !== undefined) return candidate;
    }
    for (let sweep = 0; sweep < this.#sweeps.length; sweep++) {
      const candidate = this.#choose(sites, sweep, request);
      if (candidate !== undefined) return candidate;
    }
    return undefined;
  }

  /** For a hedge: only a node in good health is worth a second question. */
  nextEligible(sites: readonly number[], request: PickRequest): Candidate | undefined {
    return this.#choose(sites, 0, request);
  }

  /**
   * What `next` would do now and why, node by node: sites in order, of each the node that would be picked first. For
   * people; it asks the same questions as `next`, but takes no turn of a balancer's.
   */
  explain(sites: readonly number[], request: PickRequest): NodeReason[] {
    return sites.flatMap((site) =>
      this.#pools.balancers[site]!.members.map((node) => ({
        node,
        site,
        reason: this.#rejection(site, node, request),
      })),
    );
  }

  #rejection(site: number, node: number, request: PickRequest): Rejection | undefined {
    const balancer = this.#pools.balancers[site]!;
    const subsets = request.subsets ?? EVERYBODY;
    const rank = subsets.findIndex((subset) => balancer.isWithin?.(node, subset) ?? true);
    if (rank === -1) return "not-in-subset";
    if (this.#mayAsk?.(site, request.nowMs) === false) return "breaker-open";
    if (balancer.weight(node) === 0) return "weight-0";
    if (!this.#pools.hasRoom(node)) return "full";
    if (!this.#pools.isEligible(node)) return this.#pools.isReluctant(node) ? "last-resort" : "out";
    if (rank > 0) return "fallback";
    return balancer.isAside?.(node, subsets[0]!) === true ? "other-zone" : undefined;
  }

  /** The first node that this sweep likes: by subset, then by site. */
  #choose(sites: readonly number[], sweep: number, request: PickRequest): Candidate | undefined {
    const mayTake = this.#sweeps[sweep]!;
    const subsets = request.subsets ?? EVERYBODY;
    for (let rank = 0; rank < subsets.length; rank++) {
      for (let index = 0; index < sites.length; index++) {
        const site = sites[index]!;
        const node = this.#pick(site, subsets[rank]!, mayTake, request);
        if (node !== NONE) return { node, site, isLastResort: sweep > 0 };
      }
    }
    return undefined;
  }

  #pick(site: number, subset: number, mayTake: (node: number) => boolean, request: PickRequest): number {
    if (this.#mayAsk?.(site, request.nowMs) === false) return NONE;
    const balancer = this.#pools.balancers[site]!;
    if (this.#affinity !== undefined && request.affinity !== undefined) {
      const own = this.#ownNode(this.#affinity, request.affinity, site, subset, mayTake, request);
      if (own !== NONE) return own;
    }
    return balancer.pick(mayTake, request, subset);
  }

  /** Of a sticky request; where zones count, in the zone that is preferred, if it may be. */
  #ownNode(
    affinity: Affinity,
    mark: number,
    site: number,
    subset: number,
    mayTake: (node: number) => boolean,
    request: PickRequest,
  ): number {
    const balancer = this.#pools.balancers[site]!;
    const may = (node: number): boolean =>
      balancer.weight(node) > 0 &&
      !request.excluded.includes(node) &&
      balancer.isWithin?.(node, subset) !== false &&
      mayTake(node);
    if (balancer.isPreferred !== undefined) {
      const isPreferred = (node: number): boolean =>
        balancer.isPreferred!(node, request, subset) && may(node);
      const own = affinity.nodeOf(mark, site, isPreferred);
      if (own !== NONE) return own;
    }
    return affinity.nodeOf(mark, site, may);
  }

  #probe(sites: readonly number[], { nowMs, subsets = EVERYBODY }: PickRequest): Candidate | undefined {
    const site = sites[0];
    if (site === undefined || this.#mayAsk?.(site, nowMs) === false) return undefined;
    const node = this.#pools.takeProbe?.(site, subsets[0]!, nowMs) ?? NONE;
    return node === NONE ? undefined : { node, site, isLastResort: true };
  }

  #first(spread: SiteSpread, sites: readonly number[], request: PickRequest): Candidate | undefined {
    const subsets = request.subsets ?? EVERYBODY;
    for (let rank = 0; rank < subsets.length; rank++) {
      const first = spread.draw(sites, subsets[rank]);
      if (first === undefined) continue;
      const { site, isPanic } = first;
      // Where there is a fallback, nobody has to be asked who is out.
      if (isPanic && rank < subsets.length - 1) return undefined;
      const asked = isPanic ? { ...request, isPanic } : request;
      const node = this.#pick(site, subsets[rank]!, this.#sweeps[isPanic ? 2 : 0]!, asked);
      if (node === NONE) return undefined;
      const candidate = { node, site, isLastResort: isPanic };
      return site === sites[0] ? candidate : { ...candidate, isSpilled: true };
    }
    return undefined;
  }
}
