/** A request that has been let in and waits for its turn: until it begins, its time is over, or its client leaves. */
import type { Arrival, Waiter, WaitingLine } from "../admission/waiting-line.ts";
import type { GatewayConfig } from "../config.ts";
import type { Deadlined, Deadlines } from "../forward/deadlines.ts";
import type { ClientConnection, OpenRequest } from "./client-connection.ts";

/** Why it does not get a turn: the line is full, it waited too long, it would, or a better tier took its place. */
export type LineRefusal = "full" | "waited" | "late" | "displaced";

export interface WaitingRequestOptions {
  readonly line: WaitingLine<WaitingRequest>;
  readonly deadlines: Deadlines;
  readonly connection: ClientConnection;
  readonly vantage: string;
  readonly arrival: Arrival;
  readonly nowMs: number;
  readonly begin: () => void;
  readonly turnAway: (why: LineRefusal) => void;
}

/** It begins at once or when its turn has come, or it is turned away. */
export function standInLine(options: WaitingRequestOptions): void {
  const { arrival, line, nowMs } = options;
  const waiting = new WaitingRequest(options);
  const verdict = line.come(waiting, arrival, nowMs);
  switch (verdict.is) {
    case "go":
      return options.begin();
    case "wait":
      waiting.stand();
      return verdict.displaced?.turnAway("displaced");
    default:
      return options.turnAway(verdict.is);
  }
}

/**
 * `totalMs`: the request's whole time; `headMs`: what nodes take to a head. The time for a response head runs from the request's own beginning, so whoever would get a turn beyond it, or too late for an
 * answer, is turned away: a node would be asked for what nobody gets. The bare network (mode `anycast-only`) gives requests no time.
 */
export function lineTimes(
  { admission, routing }: GatewayConfig,
  { nowMs, totalMs, headMs }: { readonly nowMs: number; readonly totalMs: number; readonly headMs: number },
): Pick<Arrival, "dueMs" | "answerDueMs"> {
  const dueMs = nowMs + admission.waitTimeoutMs;
  if (routing.mode === "anycast-only") return { dueMs, answerDueMs: Infinity };
  const answerDueMs = nowMs + totalMs;
  return { dueMs: Math.min(dueMs, answerDueMs - headMs), answerDueMs };
}

export class WaitingRequest implements OpenRequest, Deadlined, Waiter {
  readonly vantage: string;
  dueMs: number;
  deadlineSlot = -1;
  readonly #options: WaitingRequestOptions;

  constructor(options: WaitingRequestOptions) {
    this.#options = options;
    this.vantage = options.vantage;
    this.dueMs = options.arrival.dueMs;
  }

  /** It is in the line. */
  stand(): void {
    this.#options.connection.open.add(this);
    this.#options.deadlines.add(this);
  }

  /** Its turn has come. */
  begin(): void {
    this.#end();
    this.#options.begin();
  }

  due(nowMs: number): void {
    if (this.#options.line.giveUp(this, nowMs)) this.turnAway("waited");
  }

  /** It is not in the line any more. */
  turnAway(why: LineRefusal): void {
    this.#end();
    this.#options.turnAway(why);
  }

  clientGone(): void {
    this.#options.line.giveUp(this, this.#options.deadlines.nowMs());
    this.#end();
  }

  cutOff(): void {
    this.clientGone();
  }

  #end(): void {
    this.#options.connection.open.delete(this);
    this.#options.deadlines.remove(this);
  }
}
