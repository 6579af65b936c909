/**
 * A histogram that costs an addition per observation: prom-client's own hashes labels into strings each time, which on
 * the hot path costs more than the request's whole policy. Published as a prom-client metric when somebody asks.
 */
import type { Metric, Registry } from "prom-client";

/** Seconds: loopback to a slow page. */
export const SECONDS_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;
/** Seconds: what a proxy may cost. */
export const OVERHEAD_BOUNDS = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.1,
] as const;

export class Histogram {
  readonly #bounds: readonly number[];
  /** Not cumulative; one more than bounds, for what is above all of them. */
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#sum += value;
    this.#count += 1;
  }

  samples(name: string, labels: Readonly<Record<string, string>>): Sample[] {
    const samples: Sample[] = [];
    let cumulative = 0;
    for (const [bucket, bound] of this.#bounds.entries()) {
      cumulative += this.#counts[bucket]!;
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: cumulative });
    }
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: this.#count });
    samples.push({ metricName: `${name}_sum`, labels, value: this.#sum });
    samples.push({ metricName: `${name}_count`, labels, value: this.#count });
    return samples;
  }
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Makes `collect` part of a registry: called at each scrape, returns what the histograms hold then. */
export function registerHistogram(
  registry: Registry,
  name: string,
  help: string,
  collect: () => Iterable<readonly [Readonly<Record<string, string>>, Histogram]>,
): void {
  const metric = {
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    get: async () => ({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      values: [...collect()].flatMap(([labels, histogram]) => histogram.samples(name, labels)),
    }),
  };
  // The registry asks a metric for nothing but its name and `get()`.
  registry.registerMetric(metric as unknown as Metric);
}
