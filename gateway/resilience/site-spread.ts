/**
 * Spill-over: which site a request begins with when the nearest has lost too many nodes to carry all of its clients. The
 * shares are those of `priorityLoads`, with sites as priorities in the order in which the client would reach them. A subset of the
 * nodes has shares of its own.
 */
import type { Prng } from "#core/prng.ts";
import { WHOLE } from "../balancer/balancer.ts";
import { priorityLoads, type PriorityHealth, type PriorityLoad } from "../balancer/priority-load.ts";

export interface SpreadOptions {
  /** So many percent of a site's share its healthy nodes can carry; 0: no spill-over. */
  readonly overprovisioningPercent: number;
  /** 0: never. */
  readonly panicPercent: number;
}

export interface FirstSite {
  readonly site: number;
  /** All nodes of the site are asked, healthy or not. */
  readonly isPanic: boolean;
}

export class SiteSpread {
  readonly #options: SpreadOptions;
  readonly #healthOf: (site: number, subset: number) => PriorityHealth;
  readonly #prng: Prng;
  /** By the list of sites, then by subset and first of all nodes; routes that changed leave theirs to be forgotten. */
  #loads = new WeakMap<readonly number[], (readonly PriorityLoad[])[]>();

  constructor(
    options: SpreadOptions,
    healthOf: (site: number, subset: number) => PriorityHealth,
    prng: Prng,
  ) {
    this.#options = options;
    this.#healthOf = healthOf;
    this.#prng = prng;
  }

  /** A node went out or came back. */
  forget(): void {
    this.#loads = new WeakMap();
  }

  /** Undefined when no site can carry anything. `sites` lists are few and kept by their owner. */
  draw(sites: readonly number[], subset = WHOLE): FirstSite | undefined {
    let bySubset = this.#loads.get(sites);
    if (bySubset === undefined) this.#loads.set(sites, (bySubset = []));
    const loads = (bySubset[subset + 1] ??= this.#workOut(sites, subset));
    let left = this.#prng.integer(0, 99);
    for (const [index, { load, isPanic }] of loads.entries()) {
      if (left < load) return { site: sites[index]!, isPanic };
      left -= load;
    }
    return undefined;
  }

  #workOut(sites: readonly number[], subset: number): readonly PriorityLoad[] {
    const { overprovisioningPercent, panicPercent } = this.#options;
    const healths = sites.map((site) => this.#healthOf(site, subset));
    return priorityLoads(healths, overprovisioningPercent, panicPercent);
  }
}
