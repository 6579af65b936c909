/**
 * A load run as it happens: plan, sockets, pace, statistics, log and events put together. The process of the cast is
 * this plus its pipe (`loadtest/main.ts`).
 */
import { rename, writeFile } from "node:fs/promises";
import { every, nowNs, type Timer } from "#core/host/clock.ts";
import type { EventBody } from "#core/wire/events.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { countDuplicates } from "./duplicates.ts";
import type { LoadDocument } from "./load-document.ts";
import { LoadRun } from "./load-run.ts";
import { pace } from "./pacer.ts";
import { Plan } from "./plan.ts";
import { RequestLogWriter } from "./request-log.ts";
import type { RequestRecord } from "./request-record.ts";
import { SocketTransport } from "./socket-transport.ts";
import { Tally } from "./tally.ts";
import { WINDOW_MS, Windows } from "./windows.ts";

/** Between the start and the first due time: everything is set up by then. */
const LEAD_MS = 20;
const EXPIRE_MS = 20;
const NS_PER_MS = 1e6;
/** Failures told one by one; the rest is counted as dropped events. All of them are in the request log. */
const FAILURE_EVENTS_MAX = 10_000;

export type Emit = (body: EventBody, atNs?: number) => void;

export class Loader {
  readonly #document: LoadDocument;
  readonly #emit: Emit;
  readonly #runId: string;
  readonly #transport: SocketTransport;
  readonly #plan: Plan;
  readonly #run: LoadRun;
  readonly #tally: Tally;
  readonly #windows: Windows;
  readonly #log: RequestLogWriter;
  /** Due time of the first counted request. */
  readonly #startNs: number;
  readonly #finished = Promise.withResolvers<void>();
  readonly #warmUpFailures = new Map<string, number>();
  #failureEvents = 0;
  #failureEventsDropped = 0;

  /** `runName` makes request keys unlike those of any other process: a pid will do. */
  constructor(document: LoadDocument, runName: string, emit: Emit) {
    this.#document = document;
    this.#emit = emit;
    const planStartNs = Math.ceil(nowNs() + LEAD_MS * NS_PER_MS);
    this.#runId = `load-${runName}-${planStartNs.toString(36)}`;
    const vantages = document.vantages.map(({ vantage }) => vantage);
    const { steps, ...shape } = document;
    this.#plan = new Plan({
      ...shape,
      ...(steps === undefined ? {} : { steps }),
      vantageCount: vantages.length,
    });
    this.#startNs = planStartNs + this.#plan.dueAfterNs(this.#plan.warmUpCount);
    this.#transport = new SocketTransport(document, this.#runId);
    this.#tally = new Tally(vantages);
    this.#windows = new Windows(this.#startNs);
    this.#log = new RequestLogWriter(document.logFile);
    this.#run = new LoadRun({
      now: nowNs,
      plan: this.#plan,
      vantages,
      startNs: planStartNs,
      timeoutMs: document.timeoutMs,
      openMax: document.openMax,
      transport: this.#transport,
      onRecord: (record, isWarmUp) => this.#record(record, isWarmUp),
      onSent: (request) => {
        if (request.index >= this.#plan.warmUpCount) this.#windows.addSent();
      },
      onFinished: () => this.#finished.resolve(),
    });
  }

  /** Runs the plan to its end or until `stop`; writes the result file and returns what is in it. */
  async run(): Promise<LoadResult> {
    const { rate } = this.#document;
    this.#emit({ kind: "load.started", rate, planned: this.#run.planned, startNs: this.#startNs });
    const timers = [every(EXPIRE_MS, () => this.#run.expire()), every(WINDOW_MS, () => this.#closeWindow())];
    const stopPacing = pace(this.#run);
    await this.#finished.promise;
    stopPacing();
    return this.#conclude(timers);
  }

  /** Ends the plan now: what is on its way is waited for, what was not due yet does not count as planned. */
  stop(): void {
    this.#run.stop();
  }

  async #conclude(timers: readonly Timer[]): Promise<LoadResult> {
    for (const timer of timers) timer.cancel();
    this.#transport.close();
    this.#closeWindow();
    const logFailure = await this.#log.close();
    const { duplicated, gaps } = await countDuplicates(this.#document.executionUrls, this.#runId);
    for (const line of gaps) this.#emit({ kind: "process.log", process: "load", line });
    const { url, seed, rate, lagGateMs, openMax } = this.#document;
    const result = this.#tally.result({
      url,
      seed,
      rate,
      startNs: this.#startNs,
      planned: this.#run.planned,
      lagGateMs,
      openMax,
      duplicated,
      voidReasons: logFailure === undefined ? [] : [`the request log is incomplete: ${logFailure}`],
    });
    await writeResult(this.#document.resultFile, result);
    this.#tellEnd(result);
    return result;
  }

  #tellEnd(result: LoadResult): void {
    if (this.#warmUpFailures.size > 0) {
      const list = [...this.#warmUpFailures].map(([reason, count]) => `${count} ${reason}`).join(", ");
      this.#emit({ kind: "process.log", process: "load", line: `failed in the warm-up: ${list}` });
    }
    const { sent, ok, failedTotal: failed, isVoid, voidReasons } = result;
    this.#emit({ kind: "load.finished", sent, ok, failed, isVoid, voidReasons });
  }

  #record(record: RequestRecord, isWarmUp: boolean): void {
    if (isWarmUp) {
      if (record.error === null) return;
      this.#warmUpFailures.set(record.error, (this.#warmUpFailures.get(record.error) ?? 0) + 1);
      return;
    }
    this.#tally.add(record);
    this.#windows.addEnd(record);
    this.#log.write(record);
    if (record.error !== null) this.#tellFailure(record, record.error);
  }

  #tellFailure(record: RequestRecord, reason: string): void {
    if (this.#failureEvents >= FAILURE_EVENTS_MAX) {
      this.#failureEventsDropped += 1;
      return;
    }
    this.#failureEvents += 1;
    const { index, vantage, method, dueNs, node } = record;
    this.#emit(
      { kind: "load.failed", index, vantage, method, dueNs, reason, node },
      record.endNs ?? undefined,
    );
  }

  #closeWindow(): void {
    const atNs = nowNs();
    if (atNs < this.#startNs) return;
    const due = this.#plan.dueCount(atNs - this.#startNs + this.#plan.dueAfterNs(this.#plan.warmUpCount));
    const plannedSoFar = Math.min(due - this.#plan.warmUpCount, this.#run.planned);
    this.#emit(this.#windows.close(atNs, plannedSoFar), atNs);
    if (this.#failureEventsDropped === 0) return;
    this.#emit({ kind: "events.dropped", process: "load", count: this.#failureEventsDropped });
    this.#failureEventsDropped = 0;
  }
}

/** Whole or not at all: a reader never sees half a result. */
async function writeResult(file: string, result: LoadResult): Promise<void> {
  const draft = `${file}.part`;
  await writeFile(draft, `${JSON.stringify(result, undefined, 1)}\n`);
  await rename(draft, file);
}
