/**
 * The open loop: every request is sent when it is due, whatever became of the ones before it. Latency counts from the
 * due time, so that an outage is seen by each request that fell into it (no coordinated omission).
 *
 * The sender sleeps on a timer until shortly before the next due time and polls the loop from there: exact to some ten
 * microseconds on a quiet box, without burning a core. How late it really was is recorded and gates the run.
 */
import { after, nowNs } from "#core/host/clock.ts";
import type { EventBody } from "#core/wire/events.ts";
import { ClientConnection, type Answer } from "./client-connection.ts";
import type { LoadDocument } from "./load-document.ts";
import { Plan, type PlannedRequest } from "./plan.ts";
import type { RequestRecord } from "./request-record.ts";

const NS_PER_MS = 1e6;
/** Timers fire up to a millisecond late; the rest of the way is polled. */
const POLL_NS = 1.2 * NS_PER_MS;
const WINDOW_NS = 100 * NS_PER_MS;
/** `load.failed` events a second at most; the log has them all. */
const FAILED_EVENTS_PER_S_MAX = 100;
/** Due times begin a moment after the start, so that the first request is not late. */
const LEAD_NS = 50 * NS_PER_MS;

export interface LoaderSink {
  emit(body: EventBody): void;
}

export interface LoadRun {
  readonly startNs: number;
  /** Requests that were due, sent or not. */
  readonly planned: number;
  readonly records: readonly RequestRecord[];
  readonly warmUpCount: number;
}

interface Mutable {
  index: number;
  dueNs: number;
  sentNs: number | null;
  connectNs: number | null;
  firstByteNs: number | null;
  endNs: number | null;
  status: number | null;
  error: string | null;
  node: string | null;
  site: string | null;
  cohort: string;
  vantage: string;
  method: string;
  isReused: boolean;
}

interface Open {
  readonly record: Mutable;
  readonly connection: ClientConnection;
  readonly vantage: number;
}

export class Loader {
  readonly #document: LoadDocument;
  readonly #plan: Plan;
  readonly #sink: LoaderSink;
  readonly #host: string;
  readonly #port: number;
  readonly #path: string;
  readonly #records: Mutable[] = [];
  readonly #idle: ClientConnection[][];
  /** In order of due time: the oldest is the first to time out. */
  readonly #open = new Set<Open>();
  readonly #ended = Promise.withResolvers<void>();
  #startNs = 0;
  #next = 0;
  #stopNs = Infinity;
  #window = { fromNs: 0, planned: 0, sent: 0, ok: 0, failed: 0, latenciesMs: [] as number[] };
  #failedSecond = 0;
  #failedInSecond = 0;

  constructor(document: LoadDocument, sink: LoaderSink) {
    this.#document = document;
    this.#plan = new Plan(document);
    this.#sink = sink;
    const url = new URL(document.url);
    this.#host = url.hostname.replace(/^\[|\]$/g, "");
    this.#port = Number(url.port || 80);
    this.#path = `${url.pathname}${url.search}`;
    this.#idle = document.vantages.map(() => []);
  }

  /** Resolves when the plan is over and every request has ended. */
  async run(): Promise<LoadRun> {
    this.#startNs = nowNs() + LEAD_NS;
    this.#window.fromNs = this.#startNs;
    const { rate } = this.#document;
    this.#sink.emit({ kind: "load.started", rate, planned: this.#plan.count, startNs: this.#startNs });
    this.#turn();
    await this.#ended.promise;
    for (const idle of this.#idle) for (const connection of idle) connection.close();
    const planned = Math.min(this.#plan.count, this.#next);
    const warmUpCount = Math.min(planned, this.#plan.countBefore(this.#document.warmUpMs * NS_PER_MS));
    return { startNs: this.#startNs, planned, records: this.#records, warmUpCount };
  }

  /** What is due from now on is not sent and does not count as planned. */
  stop(): void {
    this.#stopNs = Math.min(this.#stopNs, nowNs());
  }

  #turn(): void {
    const atNs = nowNs();
    while (this.#hasNext() && this.#startNs + this.#plan.dueNs(this.#next) <= atNs) this.#send(this.#next++);
    this.#expire(atNs);
    if (atNs - this.#window.fromNs >= WINDOW_NS) this.#closeWindow(atNs);
    if (!this.#hasNext() && this.#open.size === 0) {
      this.#closeWindow(atNs);
      return this.#ended.resolve();
    }
    const dueNs = this.#hasNext() ? this.#startNs + this.#plan.dueNs(this.#next) : atNs + 10 * NS_PER_MS;
    const leftNs = dueNs - nowNs();
    if (leftNs > POLL_NS) after(Math.floor((leftNs - POLL_NS) / NS_PER_MS) + 1, () => this.#turn());
    else setImmediate(() => this.#turn());
  }

  #hasNext(): boolean {
    return this.#next < this.#plan.count && this.#startNs + this.#plan.dueNs(this.#next) < this.#stopNs;
  }

  #send(index: number): void {
    const planned = this.#plan.at(index);
    const record = this.#recordOf(index, planned);
    this.#records.push(record);
    this.#window.planned += 1;
    if (this.#open.size >= this.#document.openMax) {
      record.error = "not-sent";
      return;
    }
    const connection = this.#connectionFor(planned);
    const open: Open = { record, connection, vantage: planned.vantage };
    this.#open.add(open);
    record.sentNs = nowNs();
    this.#window.sent += 1;
    connection.send(planned.method, this.#requestText(index, planned), (answer) =>
      this.#answered(open, answer),
    );
    record.isReused = connection.isReused;
  }

  #recordOf(index: number, { vantage, cohort, method }: PlannedRequest): Mutable {
    return {
      index,
      dueNs: this.#startNs + this.#plan.dueNs(index),
      sentNs: null,
      connectNs: null,
      firstByteNs: null,
      endNs: null,
      status: null,
      error: null,
      node: null,
      site: null,
      cohort,
      vantage: this.#document.vantages[vantage]!.vantage,
      method,
      isReused: false,
    };
  }

  #connectionFor({ vantage, cohort }: PlannedRequest): ClientConnection {
    if (cohort === "keep-alive") {
      const idle = this.#idle[vantage]!;
      while (idle.length > 0) {
        const connection = idle.pop()!;
        if (connection.isUsable) return connection;
      }
    }
    return new ClientConnection(this.#host, this.#port);
  }

  #requestText(index: number, { vantage, cohort, method }: PlannedRequest): string {
    const { host } = this.#document.vantages[vantage]!;
    const close = cohort === "fresh" ? "connection: close\r\n" : "";
    if (method === "GET") return `GET ${this.#path} HTTP/1.1\r\nhost: ${host}\r\n${close}\r\n`;
    const body = `request ${index}\n`;
    const id = `load-${this.#document.seed}-${this.#startNs}-${index}`;
    return (
      `POST ${this.#document.postPath} HTTP/1.1\r\nhost: ${host}\r\n${close}x-request-id: ${id}\r\n` +
      `content-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    );
  }

  #answered(open: Open, answer: Answer): void {
    const { record, connection, vantage } = open;
    this.#open.delete(open);
    record.connectNs = answer.connectNs;
    record.firstByteNs = answer.firstByteNs;
    record.endNs = answer.endNs;
    record.status = answer.head?.status ?? null;
    record.node = answer.head?.node ?? null;
    record.site = answer.head?.site ?? null;
    record.error = answer.error ?? (record.status === 200 ? null : `status-${record.status}`);
    if (record.cohort === "keep-alive" && connection.isUsable) this.#idle[vantage]!.push(connection);
    if (record.error === null) {
      this.#window.ok += 1;
      this.#window.latenciesMs.push((answer.endNs - record.dueNs) / NS_PER_MS);
    } else this.#failed(record);
  }

  #failed(record: Mutable): void {
    this.#window.failed += 1;
    const second = Math.floor(nowNs() / 1e9);
    if (second !== this.#failedSecond) {
      this.#failedSecond = second;
      this.#failedInSecond = 0;
    }
    this.#failedInSecond += 1;
    if (this.#failedInSecond > FAILED_EVENTS_PER_S_MAX) return;
    const { index, vantage, method, dueNs, error, node } = record;
    this.#sink.emit({ kind: "load.failed", index, vantage, method, dueNs, reason: error ?? "", node });
  }

  #expire(atNs: number): void {
    const limitNs = this.#document.timeoutMs * NS_PER_MS;
    for (const { record, connection } of this.#open) {
      if (atNs - record.dueNs < limitNs) return;
      connection.giveUp("timeout");
    }
  }

  #closeWindow(atNs: number): void {
    const { fromNs, planned, sent, ok, failed, latenciesMs } = this.#window;
    if (planned + ok + failed > 0) {
      latenciesMs.sort((a, b) => a - b);
      const p50Ms = latenciesMs[Math.floor(latenciesMs.length / 2)] ?? 0;
      const p99Ms = latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? 0;
      this.#sink.emit({ kind: "load.window", fromNs, planned, sent, ok, failed, p50Ms, p99Ms });
    }
    this.#window = { fromNs: atNs, planned: 0, sent: 0, ok: 0, failed: 0, latenciesMs: [] };
  }
}
