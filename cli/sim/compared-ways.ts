/** Ways to serve that a death was played on: what it cost their clients, in figures and in words. */
import type { ClientLoss, Service } from "#sim/change/one-death.ts";
import { median } from "./show-runs.ts";

const US_PER_S = 1_000_000;
export const NEVER = "until repaired";

export const COMPARE_LIMITS = [
  "Whoever tries again on another server, as `anycastle gateway` does, hides the death of a server altogether; nobody here tries again.",
  "Resolvers keep an answer as long as they may and no longer; some real ones keep it for longer. The DNS column is a law, not played.",
] as const;

/** One way to serve, over all runs. */
export interface ComparedWay {
  readonly name: string;
  readonly service: Service;
  /** How it finds a death, in words. */
  readonly found: string;
  readonly runs: readonly (readonly ClientLoss[])[];
  readonly figures: WayFigures;
}

export interface WayFigures {
  /** Ratio of the clients, median of the runs. */
  readonly affected: number;
  /** Per affected client, mean of a run; median and most of the runs. Infinity: until repaired. */
  readonly lostUs: { readonly median: number; readonly most: number };
  /** Until no client loses anything any more. */
  readonly servedAgainUs: { readonly median: number; readonly most: number };
  /** Means over the affected clients of which it is known, first run. */
  readonly rttBeforeUs: number | undefined;
  readonly rttAfterUs: number | undefined;
}

export function figuresOf(runs: readonly (readonly ClientLoss[])[]): WayFigures {
  const affectedOf = (run: readonly ClientLoss[]): ClientLoss[] => run.filter(({ isAffected }) => isAffected);
  const lost = runs.map((run) => mean(affectedOf(run).map(({ lostUs }) => lostUs)) ?? 0);
  const again = runs.map((run) => Math.max(0, ...run.map(({ servedAgainUs }) => servedAgainUs)));
  const first = affectedOf(runs[0]!);
  return {
    affected: median(runs.map((run) => affectedOf(run).length / run.length)),
    lostUs: { median: median(lost), most: Math.max(...lost) },
    servedAgainUs: { median: median(again), most: Math.max(...again) },
    rttBeforeUs: mean(first.flatMap(({ rttBeforeUs }) => rttBeforeUs ?? [])),
    rttAfterUs: mean(first.flatMap(({ rttAfterUs }) => rttAfterUs ?? [])),
  };
}

/** The cells behind the name. */
export function cellsOf({ affected, lostUs, servedAgainUs, rttBeforeUs, rttAfterUs }: WayFigures): string[] {
  return [
    `${(100 * affected).toFixed(1)} %`,
    seconds(lostUs.median),
    seconds(lostUs.most),
    seconds(servedAgainUs.median),
    seconds(servedAgainUs.most),
    ms(rttBeforeUs),
    ms(rttAfterUs),
  ];
}

export function wayText({ sites, servers, steering }: Service): string {
  const count = `${servers} ${servers === 1 ? "server" : "servers"}`;
  if (sites.length === 1) return `one site, ${count}`;
  const how = steering.kind === "dns" ? `DNS, TTL ${steering.ttlUs / US_PER_S} s` : "anycast";
  return `${sites.length} sites, ${count} each, by ${how}`;
}

function seconds(us: number): string {
  return Number.isFinite(us) ? (us / US_PER_S).toFixed(2) : NEVER;
}

function ms(us: number | undefined): string {
  return us === undefined ? "-" : (us / 1_000).toFixed(1);
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
