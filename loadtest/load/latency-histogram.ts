/** Latencies in an HDR histogram: microseconds, three significant digits, up to two minutes; the maximum is exact. */
import { build, type Histogram } from "hdr-histogram-js";
import type { Percentiles } from "#core/wire/measure.ts";

const US_MAX = 120_000_000;
const NS_PER_US = 1_000;
const US_PER_MS = 1_000;

export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: US_MAX,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
  });
  #maxUs = 0;

  record(durationNs: number): void {
    const us = Math.min(US_MAX, Math.max(0, Math.round(durationNs / NS_PER_US)));
    this.#maxUs = Math.max(this.#maxUs, us);
    this.#histogram.recordValue(us);
  }

  percentiles(): Percentiles {
    if (this.#histogram.totalCount === 0) return { p50: null, p90: null, p99: null, p999: null, max: null };
    const at = (percentile: number): number =>
      Math.min(this.#histogram.getValueAtPercentile(percentile), this.#maxUs) / US_PER_MS;
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: this.#maxUs / US_PER_MS };
  }
}
