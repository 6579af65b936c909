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
 */
import { NONE, type Balancer, type PickRequest } from "../balancer/balancer.ts";
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
  /** The node of a site that is out and whose turn it is to be tried, taken by this call; `NONE`: nobody's turn. */
  takeProbe?(site: number, nowMs: number): number;
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
  /**
   * `out` and `last-resort` (unproven, draining): asked only if nobody else may be; the others are never asked.
   */
  readonly reason: "breaker-open" | "weight-0" | "full" | "last-resort" | "out" | undefined;
}

export interface RescuePlanOptions {
  /** Spill-over. */
  readonly spread?: SiteSpread | undefined;
  /** Sticky sessions. */
  readonly affinity?: Affinity | undefined;
  /** False: the site is left alone for now, even if nobody else is there. */
  readonly mayAsk?: ((site: number, nowMs: number) => boolean) | undefined;
}

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
      const mayTake = this.#sweeps[sweep]!;
      for (let index = 0; index < sites.length; index++) {
        const site = sites[index]!;
        const node = this.#pick(site, mayTake, request);
        if (node !== NONE) return { node, site, isLastResort: sweep > 0 };
      }
    }
    return undefined;
  }

  /** For a hedge: only a node in good health is worth a second question. */
  nextEligible(sites: readonly number[], request: PickRequest): Candidate | undefined {
    const isEligible = this.#sweeps[0]!;
    for (let index = 0; index < sites.length; index++) {
      const site = sites[index]!;
      const node = this.#pick(site, isEligible, request);
      if (node !== NONE) return { node, site, isLastResort: false };
    }
    return undefined;
  }

  /**
   * What `next` would do now and why, node by node: sites in order, of each the node that would be picked first. For
   * people; it asks the same questions as `next`, but takes no turn of a balancer's.
   */
  explain(sites: readonly number[], request: PickRequest): NodeReason[] {
    return sites.flatMap((site) => {
      const balancer = this.#pools.balancers[site]!;
      const isLeftAlone = this.#mayAsk?.(site, request.nowMs) === false;
      return balancer.members.map((node): NodeReason => {
        const reason = isLeftAlone
          ? "breaker-open"
          : balancer.weight(node) === 0
            ? "weight-0"
            : this.#pools.isEligible(node)
              ? undefined
              : !this.#pools.hasRoom(node)
                ? "full"
                : this.#pools.isReluctant(node)
                  ? "last-resort"
                  : "out";
        return { node, site, reason };
      });
    });
  }

  #pick(site: number, mayTake: (node: number) => boolean, request: PickRequest): number {
    if (this.#mayAsk?.(site, request.nowMs) === false) return NONE;
    const balancer = this.#pools.balancers[site]!;
    if (this.#affinity !== undefined && request.affinity !== undefined) {
      const own = this.#affinity.nodeOf(
        request.affinity,
        site,
        (node) => balancer.weight(node) > 0 && !request.excluded.includes(node) && mayTake(node),
      );
      if (own !== NONE) return own;
    }
    return balancer.pick(mayTake, request);
  }

  #probe(sites: readonly number[], { nowMs }: PickRequest): Candidate | undefined {
    const site = sites[0];
    if (site === undefined || this.#mayAsk?.(site, nowMs) === false) return undefined;
    const node = this.#pools.takeProbe?.(site, nowMs) ?? NONE;
    return node === NONE ? undefined : { node, site, isLastResort: true };
  }

  #first(spread: SiteSpread, sites: readonly number[], request: PickRequest): Candidate | undefined {
    const first = spread.draw(sites);
    if (first === undefined) return undefined;
    const { site, isPanic } = first;
    const node = this.#pick(site, this.#sweeps[isPanic ? 2 : 0]!, request);
    if (node === NONE) return undefined;
    const candidate = { node, site, isLastResort: isPanic };
    return site === sites[0] ? candidate : { ...candidate, isSpilled: true };
  }
}
