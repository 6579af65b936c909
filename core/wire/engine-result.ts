/**
 * What a load engine measured, in one form for all of them: published by `anycastle load --engine … --json`, so its
 * names are a contract. `null` means that the engine cannot see it, never that it was zero.
 */
import type { Percentiles } from "./measure.ts";

export const ENGINES_SCHEMA = "anycastle.engines/v1";

export const ENGINE_NAMES = ["builtin", "k6", "autocannon"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface EngineResult {
  readonly engine: EngineName;
  /** Of the tool itself; null for the one that is part of this program. */
  readonly toolVersion: string | null;
  /** Closed: waits for an answer before it sends the next, and so omits what a stall would have hit. */
  readonly loop: "open" | "closed";
  /** What latencies count from: the due time, or when the request was really sent. */
  readonly latencyFrom: "due" | "sent";
  readonly planned: number;
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  /** By name of the failure; null when the engine counts them only. */
  readonly failures: Readonly<Record<string, number>> | null;
  readonly latency: Percentiles;
  readonly ttfb: Percentiles | null;
  /** Real minus planned send time. */
  readonly sendLag: Percentiles | null;
  readonly vantages: readonly EngineVantage[];
  /** Non-idempotent requests executed more than once. */
  readonly duplicated: number | null;
  readonly objectives: readonly ObjectiveResult[];
  readonly isVoid: boolean;
  readonly voidReasons: readonly string[];
  readonly sees: readonly string[];
  readonly cannotSee: readonly string[];
}

export interface EngineVantage {
  readonly vantage: string;
  readonly sent: number;
  readonly failed: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Answers by `x-edge-route`. */
  readonly sites: Readonly<Record<string, number>> | null;
}

export interface ObjectiveResult {
  readonly name: string;
  readonly isMet: boolean;
  /** The bound and what was measured, in words. */
  readonly expected: string;
  readonly measured: string;
}

export interface EngineComparison {
  readonly schema: typeof ENGINES_SCHEMA;
  readonly url: string;
  readonly plan: {
    readonly name: string;
    readonly rate: number;
    readonly durationMs: number;
    readonly planned: number;
    readonly seed: number;
  };
  /** In the order in which they ran, each alone. */
  readonly results: readonly EngineResult[];
  readonly verdict: "held" | "missed" | "void";
}
