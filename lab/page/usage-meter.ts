/**
 * What the processes of a lab use, once a second: processor time and resident memory from proc(5), requests from the
 * gateway's counters. It measures only while somebody watches, so that an unwatched run is not disturbed by it.
 * Where the system has no proc(5) there is nothing to tell, and nothing is told.
 */
import { request } from "undici";
import { every, nowMs, type Timer } from "#core/host/clock.ts";
import type { ProcessUsage } from "#core/wire/events.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import { processUsage } from "../process-stat.ts";

const PERIOD_MS = 1_000;
const GATEWAY_MS_MAX = 500;
const MS_PER_S = 1_000;

export interface UsageMeterParts {
  readonly processes: () => readonly { readonly process: string; readonly pid: number | null }[];
  readonly gatewayAdminUrl: string;
  readonly onUsage: (processes: readonly ProcessUsage[]) => void;
}

interface Seen {
  readonly pid: number;
  readonly cpuMs: number;
}

export class UsageMeter {
  readonly #parts: UsageMeterParts;
  readonly #seen = new Map<string, Seen>();
  /** Attempts the gateway has made at each node. */
  #attempts = new Map<string, number>();
  #attemptsAtMs = 0;
  #seenAtMs = 0;
  #timer: Timer | undefined;
  #isBusy = false;

  constructor(parts: UsageMeterParts) {
    this.#parts = parts;
  }

  /** The first figures come after two seconds: a share needs two readings. */
  start(): void {
    this.#timer ??= every(PERIOD_MS, () => void this.#measure(), { unref: true });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#seen.clear();
    this.#attempts.clear();
  }

  async #measure(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const rates = await this.#requestRates();
    this.#isBusy = false;
    if (this.#timer === undefined) return;
    const processes = this.#usages(rates);
    if (processes.length > 0) this.#parts.onUsage(processes);
  }

  #usages(rates: ReadonlyMap<string, number>): ProcessUsage[] {
    const atMs = nowMs();
    const elapsedMs = atMs - this.#seenAtMs;
    this.#seenAtMs = atMs;
    const usages: ProcessUsage[] = [];
    for (const { process, pid } of this.#parts.processes()) {
      const now = pid === null ? undefined : processUsage(pid);
      const before = this.#seen.get(process);
      if (pid === null || now === undefined) {
        this.#seen.delete(process);
        continue;
      }
      this.#seen.set(process, { pid, cpuMs: now.cpuMs });
      if (before?.pid !== pid) continue;
      usages.push({
        process,
        pid,
        cpuCores: rounded((now.cpuMs - before.cpuMs) / elapsedMs),
        rssBytes: now.rssBytes,
        requestsPerS: rates.get(process) ?? null,
      });
    }
    return usages;
  }

  /** By node; empty when the gateway does not answer, or has answered only once. */
  async #requestRates(): Promise<ReadonlyMap<string, number>> {
    const attempts = await this.#readAttempts();
    const atMs = nowMs();
    const elapsedS = (atMs - this.#attemptsAtMs) / MS_PER_S;
    const rates = new Map<string, number>();
    for (const [node, count] of attempts) {
      const before = this.#attempts.get(node);
      // A gateway that was started again counts from 0.
      if (before !== undefined && count >= before) rates.set(node, rounded((count - before) / elapsedS));
    }
    this.#attempts = attempts;
    this.#attemptsAtMs = atMs;
    return rates;
  }

  async #readAttempts(): Promise<Map<string, number>> {
    try {
      const { statusCode, body } = await request(`${this.#parts.gatewayAdminUrl}/status`, {
        signal: AbortSignal.timeout(GATEWAY_MS_MAX),
      });
      if (statusCode !== 200) {
        await body.dump();
        return new Map();
      }
      const { nodes } = (await body.json()) as GatewayStatus;
      return new Map(nodes.map(({ node, attempts }) => [node, attempts]));
    } catch {
      return new Map(); // It is down or busy; the page shows no rate then.
    }
  }
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
