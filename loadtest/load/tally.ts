/**
 * The statistics of a load run, request by request: counts and percentiles, together, per cohort, method and vantage, and
 * whether they may be believed at all. Percentiles are over complete answers with the expected status; failures are
 * counted by name beside them, so that a fast refusal never makes a run look fast.
 */
import { LOAD_SCHEMA, type LoadResult } from "#core/wire/measure.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { NOT_SENT } from "./load-run.ts";
import type { RequestRecord } from "./request-record.ts";

/** Sites counted apart for each vantage; a server that makes names up gets no more. */
const SITES_MAX = 256;
const OTHER_SITES = "(others)";
const NO_CONNECTION = "no-connection";
/** 95 % upper bound of a ratio of which nothing was seen in n tries: 3/n (rule of three). */
const RULE_OF_THREE = 3;

export interface TallyEnd {
  readonly url: string;
  readonly seed: number;
  readonly rate: number;
  readonly startNs: number;
  readonly planned: number;
  readonly lagGateMs: number;
  readonly openMax: number;
  readonly duplicated: number;
  /** What else makes the run void. */
  readonly voidReasons: readonly string[];
}

class Group {
  sent = 0;
  ok = 0;
  failed = 0;
  readonly latency = new LatencyHistogram();
  /** Answers by `x-edge-route`. */
  readonly sites = new Map<string, number>();

  add(record: RequestRecord): void {
    this.sent += 1;
    if (record.error === null) {
      this.ok += 1;
      this.latency.record(record.endNs! - record.dueNs);
    } else {
      this.failed += 1;
    }
    if (record.site !== null) this.#countSite(record.site);
  }

  #countSite(site: string): void {
    const name = this.sites.has(site) || this.sites.size < SITES_MAX ? site : OTHER_SITES;
    this.sites.set(name, (this.sites.get(name) ?? 0) + 1);
  }
}

export class Tally {
  readonly #all = new Group();
  readonly #ttfb = new LatencyHistogram();
  readonly #sendLag = new LatencyHistogram();
  readonly #cohorts = new Map<string, Group>();
  readonly #methods = new Map<string, Group>();
  readonly #vantages = new Map<string, Group>();
  readonly #failed = new Map<string, number>();
  #notSent = 0;
  #endNs = 0;

  constructor(vantages: readonly string[]) {
    for (const vantage of vantages) this.#vantages.set(vantage, new Group());
  }

  add(record: RequestRecord): void {
    if (record.error === NOT_SENT) {
      this.#notSent += 1;
      return;
    }
    this.#all.add(record);
    groupOf(this.#cohorts, record.cohort).add(record);
    groupOf(this.#methods, record.method).add(record);
    this.#vantages.get(record.vantage)?.add(record);
    this.#sendLag.record(record.sentNs! - record.dueNs);
    this.#endNs = Math.max(this.#endNs, record.endNs!);
    if (record.error === null) this.#ttfb.record(record.firstByteNs! - record.dueNs);
    else this.#failed.set(record.error, (this.#failed.get(record.error) ?? 0) + 1);
  }

  result(end: TallyEnd): LoadResult {
    const { sent, ok, failed } = this.#all;
    const voidReasons = this.#voidReasons(end);
    return {
      schema: LOAD_SCHEMA,
      url: end.url,
      seed: end.seed,
      rate: end.rate,
      startNs: end.startNs,
      endNs: Math.max(end.startNs, this.#endNs),
      planned: end.planned,
      sent,
      ok,
      failed: Object.fromEntries([...this.#failed].sort((a, b) => b[1] - a[1])),
      failedTotal: failed,
      failureBound: failed === 0 && sent > 0 ? Math.min(1, RULE_OF_THREE / sent) : null,
      latency: this.#all.latency.percentiles(),
      ttfb: this.#ttfb.percentiles(),
      sendLag: this.#sendLag.percentiles(),
      cohorts: [...this.#cohorts].map(([cohort, group]) => ({ cohort, ...summary(group) })),
      methods: [...this.#methods].map(([method, group]) => ({ method, ...summary(group) })),
      vantages: [...this.#vantages].map(([vantage, group]) => ({
        vantage,
        ...summary(group),
        sites: Object.fromEntries([...group.sites].sort((a, b) => b[1] - a[1])),
      })),
      duplicated: end.duplicated,
      isVoid: voidReasons.length > 0,
      voidReasons,
    };
  }

  #voidReasons(end: TallyEnd): string[] {
    const reasons = [...end.voidReasons];
    const lagMs = this.#sendLag.percentiles().p999;
    if (lagMs !== null && lagMs > end.lagGateMs) {
      reasons.push(`send lag p99.9 is ${lagMs.toFixed(1)} ms, above the gate of ${end.lagGateMs} ms`);
    }
    if (this.#notSent > 0) {
      reasons.push(
        `${this.#notSent} planned requests were not sent: ${end.openMax} were on their way (openMax)`,
      );
    }
    const withoutConnection = this.#failed.get(NO_CONNECTION) ?? 0;
    if (withoutConnection > 0) {
      reasons.push(
        `${withoutConnection} requests got no connection: this host ran out of ports or descriptors`,
      );
    }
    if (end.planned === 0) reasons.push("stopped before the first counted request was due");
    return reasons;
  }
}

function groupOf(groups: Map<string, Group>, name: string): Group {
  let group = groups.get(name);
  if (group === undefined) {
    group = new Group();
    groups.set(name, group);
  }
  return group;
}

function summary(group: Group): Pick<LoadResult["cohorts"][number], "sent" | "ok" | "failed" | "latency"> {
  const { sent, ok, failed } = group;
  return { sent, ok, failed, latency: group.latency.percentiles() };
}
