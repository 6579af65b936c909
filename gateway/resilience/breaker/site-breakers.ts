/** One circuit breaker for each site of a gateway, by the site's index. */
import { CircuitBreaker, type BreakerCall, type BreakerChange, type BreakerOptions } from "./breaker.ts";

export class SiteBreakers {
  readonly all: readonly CircuitBreaker[];
  /** Infinity: no call is ever slow. */
  readonly slowAfterMs: number;
  readonly #failureStatuses: ReadonlySet<number>;

  constructor(
    sites: readonly string[],
    options: BreakerOptions,
    failureStatuses: readonly number[],
    onChange: (site: string, change: BreakerChange) => void,
  ) {
    this.all = sites.map((site) => new CircuitBreaker(site, options, (change) => onChange(site, change)));
    this.slowAfterMs = options.mode === "rate" ? options.slowCallDurationMs : Infinity;
    this.#failureStatuses = new Set(failureStatuses);
  }

  of(site: number): CircuitBreaker {
    return this.all[site]!;
  }

  answered(site: number, call: BreakerCall, status: number, nowMs: number): void {
    if (this.#failureStatuses.has(status)) this.of(site).failed(call, nowMs);
    else this.of(site).succeeded(call, nowMs);
  }

  /** Whole seconds until the first of these sites may be tried, at least 1; undefined: none of them is closed to calls. */
  retryAfterS(sites: readonly number[], nowMs: number): number | undefined {
    const waits = sites.flatMap((site) => {
      const breaker = this.of(site);
      return breaker.wouldAdmit(nowMs) ? [] : [breaker.retryAfterMs(nowMs)];
    });
    return waits.length === 0 ? undefined : Math.max(1, Math.ceil(Math.min(...waits) / 1_000));
  }
}
