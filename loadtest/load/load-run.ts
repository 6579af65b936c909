/**
 * The open loop: sends what the plan says is due and never waits for an answer. Every planned request becomes exactly
 * one record, at its last byte, its failure, its deadline, or at once when too many are on their way.
 *
 * Time comes from `now`, sending is the transport's: on a virtual clock with a made-up server the same code shows that
 * a stall is seen in full. It owns no timer; whoever drives it calls `pump` when something is due and `expire` now and then.
 */
import type { ExchangeEnd } from "../http/client-connection.ts";
import type { Plan, PlannedRequest } from "./plan.ts";
import type { RequestRecord } from "./request-record.ts";

const NS_PER_MS = 1e6;
const STATUS_EXPECTED = 200;
export const NOT_SENT = "not-sent";

export interface Transport {
  /** `onEnd` is called once, later. */
  send(request: PlannedRequest, onEnd: (end: ExchangeEnd) => void): SentRequest;
}

export interface SentRequest {
  readonly isReused: boolean;
  /** Ends the request with this error. */
  abort(error: string): void;
}

export interface LoadRunOptions {
  readonly now: () => number;
  readonly plan: Plan;
  readonly vantages: readonly string[];
  /** Due time of request 0. */
  readonly startNs: number;
  readonly timeoutMs: number;
  readonly openMax: number;
  readonly transport: Transport;
  /** Each counted request, and each of the warm-up, once. */
  readonly onRecord: (record: RequestRecord, isWarmUp: boolean) => void;
  readonly onSent: (request: PlannedRequest) => void;
  /** Nothing is left to send or to wait for. */
  readonly onFinished: () => void;
}

interface OpenRequest {
  readonly planned: PlannedRequest;
  readonly dueNs: number;
  readonly sentNs: number;
  sent: SentRequest | undefined;
}

export class LoadRun {
  readonly #options: LoadRunOptions;
  /** In order of their due times, and so of their deadlines. */
  readonly #open = new Set<OpenRequest>();
  #taken = 0;
  #end: number;
  #isFinished = false;

  constructor(options: LoadRunOptions) {
    this.#options = options;
    this.#end = options.plan.count;
  }

  /** Counted requests of the plan, or as many as were due when it was stopped. */
  get planned(): number {
    return Math.max(0, this.#end - this.#options.plan.warmUpCount);
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** When `pump` has something to do; undefined when everything was sent. */
  get nextDueNs(): number | undefined {
    return this.#taken < this.#end ? this.#dueNs(this.#taken) : undefined;
  }

  /** Sends everything that is due. A late call sends all of it at once: the plan does not move. */
  pump(): void {
    while (this.#taken < this.#end && this.#dueNs(this.#taken) <= this.#options.now()) this.#sendNext();
    this.#finishIfDone();
  }

  /** Gives up what is past its deadline. */
  expire(): void {
    const limitNs = this.#options.now() - this.#options.timeoutMs * NS_PER_MS;
    for (const open of this.#open) {
      if (open.dueNs > limitNs) break;
      open.sent?.abort("timeout");
    }
  }

  /** Ends the plan here: what was due until now is sent and waited for, nothing after it counts as planned. */
  stop(): void {
    const elapsedNs = this.#options.now() - this.#options.startNs;
    this.#end = Math.max(this.#taken, Math.min(this.#end, this.#options.plan.dueCount(elapsedNs)));
    this.pump();
  }

  #dueNs(index: number): number {
    return this.#options.startNs + this.#options.plan.dueAfterNs(index);
  }

  #sendNext(): void {
    const planned = this.#options.plan.take()!;
    this.#taken += 1;
    const dueNs = this.#dueNs(planned.index);
    if (this.#open.size >= this.#options.openMax) return this.#recordNotSent(planned, dueNs);
    const open: OpenRequest = { planned, dueNs, sentNs: this.#options.now(), sent: undefined };
    this.#open.add(open);
    this.#options.onSent(planned);
    open.sent = this.#options.transport.send(planned, (end) => this.#recordEnd(open, end));
  }

  #recordEnd(open: OpenRequest, end: ExchangeEnd): void {
    this.#open.delete(open);
    const error = end.error ?? (end.status === STATUS_EXPECTED ? null : `status-${end.status}`);
    this.#record(open.planned, {
      ...end,
      dueNs: open.dueNs,
      sentNs: open.sentNs,
      error,
      isReused: open.sent?.isReused ?? false,
    });
    this.#finishIfDone();
  }

  #recordNotSent(planned: PlannedRequest, dueNs: number): void {
    this.#record(planned, {
      dueNs,
      sentNs: null,
      connectNs: null,
      firstByteNs: null,
      endNs: null,
      status: null,
      error: NOT_SENT,
      node: null,
      site: null,
      isReused: false,
    });
  }

  #record(
    planned: PlannedRequest,
    outcome: Omit<RequestRecord, "index" | "cohort" | "vantage" | "method">,
  ): void {
    const { index, cohort, method } = planned;
    const vantage = this.#options.vantages[planned.vantage]!;
    this.#options.onRecord(
      { index, cohort, vantage, method, ...outcome },
      index < this.#options.plan.warmUpCount,
    );
  }

  #finishIfDone(): void {
    if (this.#isFinished || this.#taken < this.#end || this.#open.size > 0) return;
    this.#isFinished = true;
    this.#options.onFinished();
  }
}
