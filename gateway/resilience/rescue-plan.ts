/**
 * Who is asked next: another node of the best site, then the next site, at once, each node at most once a request.
 *
 * When no node may take the request, the ones that should not are tried rather than nobody (fail-open): first those
 * that are alive but unproven or draining, then those that are out. The candidate says so. A node of weight 0 and a
 * node without a free connection are never tried.
 */
import { NONE, type Balancer } from "../balancer/balancer.ts";

export interface RescuePools {
  /** Balancer of a site, by the site's index. */
  readonly balancers: readonly Balancer[];
  /** In rotation, and able to take one more. */
  isEligible(node: number): boolean;
  /** Alive as far as known, and able to take one more. */
  isReluctant(node: number): boolean;
  /** Able to take one more, whatever its health. */
  hasRoom(node: number): boolean;
}

export interface Candidate {
  readonly node: number;
  readonly site: number;
  /** Nobody eligible was left. */
  readonly isLastResort: boolean;
}

export class RescuePlan {
  readonly #pools: RescuePools;
  readonly #sweeps: readonly ((node: number) => boolean)[];

  constructor(pools: RescuePools) {
    this.#pools = pools;
    this.#sweeps = [
      (node) => pools.isEligible(node),
      (node) => pools.isReluctant(node),
      (node) => pools.hasRoom(node),
    ];
  }

  /** `sites` in order of preference; `tried` are the nodes this request has asked already. */
  next(sites: readonly number[], tried: readonly number[]): Candidate | undefined {
    for (let sweep = 0; sweep < this.#sweeps.length; sweep++) {
      const mayTake = this.#sweeps[sweep]!;
      for (let index = 0; index < sites.length; index++) {
        const site = sites[index]!;
        const node = this.#pools.balancers[site]!.pick(mayTake, tried);
        if (node !== NONE) return { node, site, isLastResort: sweep > 0 };
      }
    }
    return undefined;
  }

  /** For a hedge: only a node in good health is worth a second question. */
  nextEligible(sites: readonly number[], tried: readonly number[]): Candidate | undefined {
    const isEligible = this.#sweeps[0]!;
    for (let index = 0; index < sites.length; index++) {
      const site = sites[index]!;
      const node = this.#pools.balancers[site]!.pick(isEligible, tried);
      if (node !== NONE) return { node, site, isLastResort: false };
    }
    return undefined;
  }
}
