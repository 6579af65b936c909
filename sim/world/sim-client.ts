/** A client's connection to the gateway, as the gateway remembers it: where it leads and which sites it has reached. */
import { hashText } from "#core/prng.ts";
import { COLD_ROUND_TRIPS } from "#sim/wan/latency-law.ts";

/** A request that is open on a connection. */
export interface OpenOnConnection {
  cutOff(): void;
}

export class ClientConnection {
  readonly vantage: string;
  readonly hash: number;
  /** Mode `anycast-only`: index of the node it leads to. */
  pin: number | undefined;
  /** One request at a time, as HTTP/1.1 clients do. */
  open: OpenOnConnection | undefined;
  isReset = false;
  readonly #warmSites = new Set<number>();

  constructor(vantage: string, ordinal: number) {
    this.vantage = vantage;
    this.hash = hashText(`${vantage}:${ordinal}`);
  }

  /** Emulated travel to a site: a cold connection's round trips the first time, then one. */
  travelUs(site: number, rttUs: number): number {
    if (this.#warmSites.has(site)) return rttUs;
    this.#warmSites.add(site);
    return COLD_ROUND_TRIPS * rttUs;
  }
}
