/**
 * What breaks when in a soak: one order an interval, a fault and then its revival. After 45 faults every way has met
 * every site, after 90 both as a whole site and as one of its nodes; the order is drawn from the seed.
 *
 * Ways and sites are walked in step (5 and 9 have no common divisor), whole sites and single nodes in turn.
 */
import { Prng } from "#core/prng.ts";
import { FAULT_HOWS, type FaultHow } from "#core/wire/faults.ts";

export interface SoakFault {
  readonly target: string;
  readonly how: FaultHow;
}

export class Schedule {
  readonly #sites: string[];
  readonly #hows: FaultHow[];
  readonly #nodesPerSite: number;
  #index: number;
  #nodeTurn = 0;

  constructor(sites: readonly string[], nodesPerSite: number, seed: number) {
    const prng = new Prng(seed).fork("soak/schedule");
    this.#sites = [...sites];
    this.#hows = [...FAULT_HOWS];
    this.#nodesPerSite = nodesPerSite;
    prng.shuffle(this.#sites);
    prng.shuffle(this.#hows);
    this.#index = prng.integer(0, 1);
  }

  next(): SoakFault {
    const index = this.#index++;
    const site = this.#sites[index % this.#sites.length]!;
    const how = this.#hows[index % this.#hows.length]!;
    if (index % 2 === 0) return { target: site, how };
    const node = (this.#nodeTurn++ % this.#nodesPerSite) + 1;
    return { target: `${site}-${node}`, how };
  }
}
