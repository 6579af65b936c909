/**
 * k6's end-of-test data as the document that `anycastle load` reads: counts, times, thresholds as k6 itself judged
 * them. What k6 did not tell is null, never zero.
 */
import type { Settings } from "./settings.ts";

export const K6_SCHEMA = "anycastle.k6/v1";

/** As `handleSummary` gets it; only what is read here. */
export interface K6Data {
  readonly metrics: Readonly<Record<string, K6Metric | undefined>>;
  readonly state?: { readonly testRunDurationMs?: number };
}

interface K6Metric {
  readonly values?: Readonly<Record<string, number | undefined>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

export interface K6Times {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

export interface K6Document {
  readonly schema: typeof K6_SCHEMA;
  readonly plan: string;
  readonly runMs: number | null;
  readonly requests: number | null;
  readonly failedRatio: number | null;
  /** Due, but no user was free to send it. */
  readonly dropped: number;
  /** From the first byte sent to the last received. */
  readonly duration: K6Times;
  /** From the last byte sent to the first received. */
  readonly waiting: K6Times;
  readonly vantages: readonly {
    readonly vantage: string;
    readonly requests: number | null;
    readonly failedRatio: number | null;
    readonly p50: number | null;
    readonly p99: number | null;
  }[];
  readonly thresholds: readonly { readonly metric: string; readonly rule: string; readonly ok: boolean }[];
}

export function k6Document(data: K6Data, { plan, vantages }: Settings): K6Document {
  const { metrics } = data;
  const value = (metric: string, name: string): number | null => metrics[metric]?.values?.[name] ?? null;
  return {
    schema: K6_SCHEMA,
    plan: plan.name,
    runMs: data.state?.testRunDurationMs ?? null,
    requests: value("http_reqs", "count"),
    failedRatio: value("http_req_failed", "rate"),
    dropped: value("dropped_iterations", "count") ?? 0,
    duration: timesOf(metrics["http_req_duration"]),
    waiting: timesOf(metrics["http_req_waiting"]),
    vantages: vantages.map((vantage) => ({
      vantage,
      requests: value(`http_reqs{vantage:${vantage}}`, "count"),
      failedRatio: value(`http_req_failed{vantage:${vantage}}`, "rate"),
      p50: value(`http_req_duration{vantage:${vantage}}`, "med"),
      p99: value(`http_req_duration{vantage:${vantage}}`, "p(99)"),
    })),
    thresholds: ["http_req_failed", "http_req_duration"].flatMap((metric) =>
      Object.entries(metrics[metric]?.thresholds ?? {}).map(([rule, { ok }]) => ({ metric, rule, ok })),
    ),
  };
}

/** What `handleSummary` returns: the document to its file, or a few lines to the terminal. */
export function summaryFiles(data: K6Data, settings: Settings): Record<string, string> {
  const document = k6Document(data, settings);
  if (settings.summaryFile !== undefined) {
    return { [settings.summaryFile]: `${JSON.stringify(document, undefined, 1)}\n` };
  }
  return { stdout: textOf(document) };
}

function textOf({ plan, requests, failedRatio, dropped, duration, thresholds }: K6Document): string {
  const ms = (value: number | null): string => (value === null ? "-" : value.toFixed(1));
  return [
    "",
    `${plan}: ${requests ?? 0} requests, ${((failedRatio ?? 0) * 100).toFixed(3)} % failed, ${dropped} dropped` +
      (dropped > 0 ? " (void: not all that was due was sent)" : ""),
    `ms from sent to last byte: p50 ${ms(duration.p50)}  p99 ${ms(duration.p99)}  max ${ms(duration.max)}`,
    ...thresholds.map(({ metric, rule, ok }) => `${ok ? "met   " : "MISSED"} ${metric} ${rule}`),
    "",
  ].join("\n");
}

function timesOf(metric: K6Metric | undefined): K6Times {
  const value = (name: string): number | null => metric?.values?.[name] ?? null;
  return {
    p50: value("med"),
    p90: value("p(90)"),
    p99: value("p(99)"),
    p999: value("p(99.9)"),
    max: value("max"),
  };
}
