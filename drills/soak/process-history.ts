/**
 * The samples of one process of the cast over a soak, and what they come to. A process that was started again begins
 * anew: memory of the old one says nothing about the new one.
 */
import type { ProcessSample } from "./process-sample.ts";

export interface TimedSample extends ProcessSample {
  readonly pid: number;
  /** Since the start of the soak. */
  readonly atMs: number;
}

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Two days at one sample in 10 s. */
const SAMPLES_MAX = 17_280;

export class ProcessHistory {
  readonly process: string;
  readonly #samples: TimedSample[] = [];
  startCount = 0;

  constructor(process: string) {
    this.process = process;
  }

  add(sample: TimedSample): void {
    const last = this.#samples.at(-1);
    const isSame = last !== undefined && last.pid === sample.pid && last.startTicks === sample.startTicks;
    if (!isSame) {
      this.startCount += 1;
      this.#samples.length = 0;
    }
    if (this.#samples.length < SAMPLES_MAX) this.#samples.push(sample);
  }

  get last(): TimedSample | undefined {
    return this.#samples.at(-1);
  }

  /** The median in a window; null when the process of now did not live through all of it. */
  median(window: Window, of: "rssBytes" | "descriptors"): number | null {
    const first = this.#samples[0];
    if (first === undefined || first.atMs > window.fromMs + this.#step()) return null;
    const values = this.#samples
      .filter(({ atMs }) => atMs >= window.fromMs && atMs <= window.toMs)
      .map((sample) => sample[of])
      .toSorted((a, b) => a - b);
    return values[Math.floor(values.length / 2)] ?? null;
  }

  /** Wake-ups a second between the first and the last sample in a window; null with fewer than two. */
  wakeUpsPerS(window: Window): number | null {
    const within = this.#samples.filter(({ atMs }) => atMs >= window.fromMs && atMs <= window.toMs);
    const [first] = within;
    const last = within.at(-1);
    if (first === undefined || last === undefined || last.atMs === first.atMs) return null;
    return ((last.wakeUps - first.wakeUps) * 1000) / (last.atMs - first.atMs);
  }

  /** Two samples apart: a window that begins between samples has been lived through. */
  #step(): number {
    const [first, second] = this.#samples;
    return first === undefined || second === undefined ? 0 : 2 * (second.atMs - first.atMs);
  }
}
