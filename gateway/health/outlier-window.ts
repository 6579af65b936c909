/**
 * Nodes that do worse than they should over a whole interval: by the share of attempts that failed, against a bound and against
 * the other nodes (Envoy's `failure_percentage` and `success_rate`), and by how long they take, against the other nodes of
 * their site. Counts of one interval, judged at its end and then forgotten; a node with fewer than `requestsMin` attempts
 * in it is not judged and does not judge others.
 */
import type { OutlierOptions } from "./outliers.ts";

/** Answer times are kept as counts by size: each class ends at the square root of two times the one before, from 0.25 ms. */
const CLASSES = 48;
const FIRST_CLASS_MS = 0.25;
/** In a smaller company one node's failures are most of the deviation. */
const SIGMA_NODES_MIN = 5;
/** Among nodes that are all but perfect a single failure is many deviations off: such a share is nobody's outlier. */
const SIGMA_FAILED_MIN_PERCENT = 5;

export interface Outlier {
  readonly node: number;
  readonly reason: string;
}

export class OutlierWindow {
  readonly #options: OutlierOptions;
  readonly #siteOf: (node: number) => number;
  readonly #good: Uint32Array;
  readonly #bad: Uint32Array;
  readonly #times: Uint32Array;
  #endMs = -Infinity;

  constructor(nodeCount: number, options: OutlierOptions, siteOf: (node: number) => number) {
    this.#options = options;
    this.#siteOf = siteOf;
    this.#good = new Uint32Array(nodeCount);
    this.#bad = new Uint32Array(nodeCount);
    this.#times = new Uint32Array(nodeCount * CLASSES);
  }

  answered(node: number, tookMs: number): void {
    this.#good[node]! += 1;
    this.#times[node * CLASSES + classOf(tookMs)]! += 1;
  }

  failed(node: number): void {
    this.#bad[node]! += 1;
  }

  /** Empty but at the end of an interval. The worst come first. */
  judge(nowMs: number): readonly Outlier[] {
    if (nowMs < this.#endMs) return [];
    const isFirst = this.#endMs === -Infinity;
    this.#endMs = nowMs + this.#options.intervalMs;
    if (isFirst) return [];
    const judged = [...this.#good.keys()].filter((node) => this.#attempts(node) >= this.#options.requestsMin);
    const outliers = this.#byFailures(judged);
    const known = new Set(outliers.map(({ node }) => node));
    outliers.push(...this.#byTime(judged).filter(({ node }) => !known.has(node)));
    this.#good.fill(0);
    this.#bad.fill(0);
    this.#times.fill(0);
    return outliers;
  }

  #attempts(node: number): number {
    return this.#good[node]! + this.#bad[node]!;
  }

  /** Of attempts, in percent. */
  #failedPercent(node: number): number {
    return (this.#bad[node]! * 100) / this.#attempts(node);
  }

  #byFailures(judged: readonly number[]): Outlier[] {
    const { failurePercent, successRateSigma } = this.#options;
    const absolute = failurePercent === 0 ? Infinity : failurePercent;
    const relative = successRateSigma === 0 ? Infinity : this.#sigmaBound(judged, successRateSigma);
    return judged
      .filter((node) => this.#bad[node]! > 0)
      .map((node) => ({ node, failed: this.#failedPercent(node) }))
      .filter(({ failed }) => failed >= absolute || failed > relative)
      .toSorted((one, other) => other.failed - one.failed)
      .map(({ node, failed }) => ({
        node,
        reason: `${failed.toFixed(1)} % of ${this.#attempts(node)} attempts failed`,
      }));
  }

  /** Mean of the failure shares and so many standard deviations above it: Envoy's rule, seen from the other side. */
  #sigmaBound(judged: readonly number[], sigma: number): number {
    if (judged.length < SIGMA_NODES_MIN) return Infinity;
    const shares = judged.map((node) => this.#failedPercent(node));
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
    return Math.max(SIGMA_FAILED_MIN_PERCENT, mean + sigma * Math.sqrt(variance));
  }

  /** A node that mostly fails is no measure of how long an answer takes. */
  #byTime(all: readonly number[]): Outlier[] {
    const { latencyFactor, latencyFloorMs, requestsMin } = this.#options;
    if (latencyFactor === 0) return [];
    const judged = all.filter((node) => this.#good[node]! >= requestsMin);
    const medians = new Map(judged.map((node) => [node, this.#medianMs(node)]));
    return judged
      .map((node) => ({ node, ms: medians.get(node)!, othersMs: this.#othersMs(node, judged, medians) }))
      .filter(({ ms, othersMs }) => ms >= latencyFloorMs && ms > othersMs * latencyFactor)
      .toSorted((one, other) => other.ms - one.ms)
      .map(({ node, ms, othersMs }) => ({
        node,
        reason: `answers take ${ms.toFixed(1)} ms, those of its site's others ${othersMs.toFixed(1)} ms`,
      }));
  }

  /** The median of the other nodes' medians; infinite without others. */
  #othersMs(node: number, judged: readonly number[], medians: ReadonlyMap<number, number>): number {
    const site = this.#siteOf(node);
    const others = judged
      .filter((other) => other !== node && this.#siteOf(other) === site)
      .map((other) => medians.get(other)!)
      .toSorted((one, other) => one - other);
    return others[Math.floor((others.length - 1) / 2)] ?? Infinity;
  }

  /** Upper end of its class, so at most 41 % too much, for all nodes alike. */
  #medianMs(node: number): number {
    const half = this.#good[node]! / 2;
    let count = 0;
    for (let index = 0; index < CLASSES; index++) {
      count += this.#times[node * CLASSES + index]!;
      if (count >= half && count > 0) return FIRST_CLASS_MS * 2 ** (index / 2);
    }
    return 0;
  }
}

function classOf(tookMs: number): number {
  if (tookMs <= FIRST_CLASS_MS) return 0;
  return Math.min(CLASSES - 1, Math.ceil(2 * Math.log2(tookMs / FIRST_CLASS_MS)));
}
