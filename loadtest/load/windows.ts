/**
 * What happened in each 100 ms, for whoever watches: planned and sent by their due and send times, answers by when they
 * came. Latencies of a window therefore lag behind their requests; the request log has both times of every one.
 */
import type { EventBody } from "#core/wire/events.ts";
import { quantile } from "../report/quantile.ts";
import type { RequestRecord } from "./request-record.ts";

export const WINDOW_MS = 100;
const NS_PER_MS = 1e6;
/** Answers of one window whose latency is looked at; the rest is counted only. */
const SAMPLES_MAX = 10_000;

export class Windows {
  #fromNs: number;
  #plannedBefore = 0;
  #sent = 0;
  #ok = 0;
  #failed = 0;
  #latenciesMs: number[] = [];
  #ttfbsMs: number[] = [];

  constructor(startNs: number) {
    this.#fromNs = startNs;
  }

  addSent(): void {
    this.#sent += 1;
  }

  addEnd(record: RequestRecord): void {
    if (record.error !== null) {
      this.#failed += 1;
      return;
    }
    this.#ok += 1;
    if (this.#latenciesMs.length < SAMPLES_MAX) {
      this.#latenciesMs.push((record.endNs! - record.dueNs) / NS_PER_MS);
      this.#ttfbsMs.push((record.firstByteNs! - record.dueNs) / NS_PER_MS);
    }
  }

  /** Ends the window at `atNs`; `plannedSoFar` is the number of requests that were due by then. */
  close(atNs: number, plannedSoFar: number): EventBody & { readonly kind: "load.window" } {
    const sorted = this.#latenciesMs.sort((a, b) => a - b);
    const ttfbs = this.#ttfbsMs.sort((a, b) => a - b);
    const window = {
      kind: "load.window",
      fromNs: this.#fromNs,
      planned: plannedSoFar - this.#plannedBefore,
      sent: this.#sent,
      ok: this.#ok,
      failed: this.#failed,
      p50Ms: rounded(quantile(sorted, 0.5)),
      p99Ms: rounded(quantile(sorted, 0.99)),
      ttfbMs: rounded(quantile(ttfbs, 0.5)),
    } as const;
    this.#fromNs = atNs;
    this.#plannedBefore = plannedSoFar;
    this.#sent = 0;
    this.#ok = 0;
    this.#failed = 0;
    this.#latenciesMs = [];
    this.#ttfbsMs = [];
    return window;
  }
}

/** 0 when nothing was answered; `ok` says so too. */
function rounded(ms: number | null): number {
  return ms === null ? 0 : Math.round(ms * 100) / 100;
}
