/**
 * A wide-area network that is not there: how long a request to a site would have travelled.
 *
 * Cold is the first request of a (client connection, site) pair: TCP, TLS and the request itself, three round trips;
 * then one. Another node of a site already reached costs nothing more: the site's router hands the request over.
 * All of it is spent before the node is asked, so an attempt's time is the node's own, and bodies stream undelayed.
 * Left out: loss, bandwidth, jitter.
 */
const COLD_ROUND_TRIPS = 3;
const WARM_ROUND_TRIPS = 1;

/** Which sites a client connection has reached. */
export class WanState {
  readonly #warm = new Set<number>();

  /** Milliseconds with fraction; from now on the site is warm. */
  travelMs(site: number, rttUs: number): number {
    const trips = this.#warm.has(site) ? WARM_ROUND_TRIPS : COLD_ROUND_TRIPS;
    this.#warm.add(site);
    return (trips * rttUs) / 1000;
  }
}

/**
 * Timer length for what is left until `dueMs`. Cut off, not rounded: timers count whole milliseconds and wake late,
 * and the two loopback hops behind the delay cost at least what is cut.
 */
export function timerMs(dueMs: number, nowMs: number): number {
  return Math.max(0, Math.floor(dueMs - nowMs));
}
