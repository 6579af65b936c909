/**
 * Spill-over: which site a request begins with when the nearest has lost too many nodes to carry all of its clients. The
 * shares are those of `priorityLoads`, with sites as priorities in the order in which the client would reach them.
 */
import type { Prng } from "#core/prng.ts";
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
  readonly #healthOf: (site: number) => PriorityHealth;
  readonly #prng: Prng;
  /** By the list of sites; routes that changed leave theirs to be forgotten. */
  #loads = new WeakMap<readonly number[], readonly PriorityLoad[]>();

  constructor(options: SpreadOptions, healthOf: (site: number) => PriorityHealth, prng: Prng) {
    this.#options = options;
    this.#healthOf = healthOf;
    this.#prng = prng;
  }

  /** A node went out or came back. */
  forget(): void {
    this.#loads = new WeakMap();
  }

  /** Undefined when no site can carry anything. `sites` lists are few and kept by their owner. */
  draw(sites: readonly number[]): FirstSite | undefined {
    let loads = this.#loads.get(sites);
    if (loads === undefined) {
      const { overprovisioningPercent, panicPercent } = this.#options;
      loads = priorityLoads(sites.map(this.#healthOf), overprovisioningPercent, panicPercent);
      this.#loads.set(sites, loads);
    }
    let left = this.#prng.integer(0, 99);
    for (const [index, { load, isPanic }] of loads.entries()) {
      if (left < load) return { site: sites[index]!, isPanic };
      left -= load;
    }
    return undefined;
  }
}
