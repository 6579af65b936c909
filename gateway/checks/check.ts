/**
 * One active health check: a request for the health path on a connection of its own, kept open between checks, or just
 * a connection (`tcp`).
 *
 * Passed: a complete answer of a status that was asked for within the timeout, with the text in its body, if any;
 * `x-node-state: draining` on any answer takes precedence. The timeout is this module's own timer, exact to a millisecond
 * (undici's are up to 500 ms late), and it looks once more at what has already arrived: a late wake-up is not a slow node.
 */
import { connect, type LookupFunction } from "node:net";
import { Client, type Dispatcher } from "undici";
import { codeOf } from "#core/errors.ts";
import type { Timer } from "#core/host/clock.ts";
import type { HealthConfig } from "../config/health.ts";
import type { NodeTls } from "../tls/tls-material.ts";
import type { GatewayClock } from "../gateway-clock.ts";
import type { CheckSign } from "../health/node-health.ts";
import { causeOfCode } from "../resilience/failure-class.ts";

export interface CheckResult {
  readonly sign: CheckSign;
  readonly startedMs: number;
  /** `200 in 1.2 ms`, `ECONNREFUSED`, `timeout`. */
  readonly text: string;
}

/** The part of `health` that says what a check asks and what passes. */
export type CheckRules = Pick<
  HealthConfig,
  "kind" | "path" | "method" | "statuses" | "bodyContains" | "timeoutMs" | "isConnectionReused"
>;

/** The text is looked for in so much of the body. */
const BODY_BYTES_MAX = 64 * 1024;
const HEADERS = { "user-agent": "anycastle-health" };

/** What asks one node how it is. */
export interface NodeCheck {
  /** One at a time. Calls back exactly once, unless `close` comes first. */
  run(done: (result: CheckResult) => void): void;
  close(): void;
}

export type OpenNodeCheck = (
  origin: string,
  clock: GatewayClock,
  rules: CheckRules,
  tls: NodeTls | undefined,
) => NodeCheck;

export function openNodeCheck(
  ...[origin, clock, rules, tls, lookup]: [...Parameters<OpenNodeCheck>, LookupFunction | undefined]
): NodeCheck {
  return new CheckConnection(origin, clock, rules, tls, lookup);
}

class CheckConnection implements NodeCheck {
  readonly #origin: string;
  readonly #clock: GatewayClock;
  readonly #rules: CheckRules;
  readonly #tls: NodeTls | undefined;
  readonly #lookup: LookupFunction | undefined;
  #client: Client;

  constructor(
    origin: string,
    clock: GatewayClock,
    rules: CheckRules,
    tls: NodeTls | undefined,
    lookup: LookupFunction | undefined,
  ) {
    this.#origin = origin;
    this.#lookup = lookup;
    this.#tls = origin.startsWith("https:") ? tls : undefined;
    this.#clock = clock;
    this.#rules = rules;
    this.#client = this.#open();
  }

  run(done: (result: CheckResult) => void): void {
    const rules = this.#rules;
    if (rules.kind === "tcp") {
      return runTcpCheck(this.#origin, rules.timeoutMs, this.#clock, this.#lookup, done);
    }
    const check = new Check(this.#clock, rules, (result) => {
      // Whatever is still to come on this connection belongs to a check that is over.
      if (!check.isClean || !rules.isConnectionReused) this.#renew();
      done(result);
    });
    const { path, method } = rules;
    // undici closes the connection after a HEAD unless told not to.
    const reset = method === "HEAD" ? false : undefined;
    this.#client.dispatch({ path, method, headers: HEADERS, reset } as Dispatcher.DispatchOptions, check);
  }

  close(): void {
    this.#client.destroy().catch(() => undefined);
  }

  #renew(): void {
    const last = this.#client;
    this.#client = this.#open();
    setImmediate(() => {
      last.destroy().catch(() => undefined);
    });
  }

  #open(): Client {
    return new Client(this.#origin, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { ...this.#tls?.options, ...(this.#lookup === undefined ? {} : { lookup: this.#lookup }) },
    });
  }
}

/** Nothing is said on the connection; it is closed at once. */
function runTcpCheck(
  origin: string,
  timeoutMs: number,
  clock: GatewayClock,
  lookup: LookupFunction | undefined,
  done: (result: CheckResult) => void,
): void {
  const startedMs = clock.nowMs();
  const { hostname, port: given, protocol } = new URL(origin);
  // A URL leaves its protocol's own port out.
  const port = given === "" ? (protocol === "https:" ? 443 : 80) : Number(given);
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connect({ host, port, ...(lookup === undefined ? {} : { lookup }) });
  let isDone = false;
  const finish = (sign: CheckSign, text: string): void => {
    if (isDone) return;
    isDone = true;
    timer.cancel();
    socket.destroy();
    done({ sign, startedMs, text });
  };
  const timer = clock.after(timeoutMs, () => setImmediate(() => finish("timeout", "timeout")));
  socket.once("connect", () => finish("passed", `connected in ${(clock.nowMs() - startedMs).toFixed(1)} ms`));
  socket.once("error", (error) => {
    const cause = causeOfCode(codeOf(error), false);
    finish(cause === "refused" || cause === "timeout" ? cause : "failed", codeOf(error) ?? error.message);
  });
}

class Check implements Dispatcher.DispatchHandler {
  readonly #clock: GatewayClock;
  readonly #startedMs: number;
  readonly #timer: Timer;
  readonly #done: (result: CheckResult) => void;
  readonly #rules: CheckRules;
  /** The beginning of the body; only where it must hold something. */
  readonly #body: Buffer[] = [];
  #bodyBytes = 0;
  #isSent = false;
  #status = 0;
  #isDraining = false;
  #isDone = false;
  /** The answer was read to its end. */
  isClean = false;

  constructor(clock: GatewayClock, rules: CheckRules, done: (result: CheckResult) => void) {
    this.#clock = clock;
    this.#rules = rules;
    this.#startedMs = clock.nowMs();
    this.#done = done;
    this.#timer = clock.after(rules.timeoutMs, () => setImmediate(() => this.#finish("timeout", "timeout")));
  }

  onRequestStart(): void {
    this.#isSent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    this.#isDraining = headers["x-node-state"] === "draining";
  }

  /** Read to its end in any case, so that the connection can be used again. */
  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#rules.bodyContains === undefined || this.#bodyBytes >= BODY_BYTES_MAX) return;
    this.#body.push(chunk);
    this.#bodyBytes += chunk.length;
  }

  onResponseEnd(): void {
    this.isClean = true;
    const tookMs = this.#clock.nowMs() - this.#startedMs;
    const hasText = this.#hasText();
    const isPassed = hasText && this.#isStatusGood();
    const sign: CheckSign = this.#isDraining ? "draining" : isPassed ? "passed" : "failed";
    const remark = hasText ? "" : ", without the text";
    this.#finish(sign, `${this.#status} in ${tookMs.toFixed(1)} ms${remark}`);
  }

  #isStatusGood(): boolean {
    return this.#rules.statuses.some(([first, last]) => this.#status >= first && this.#status <= last);
  }

  #hasText(): boolean {
    const { bodyContains } = this.#rules;
    if (bodyContains === undefined) return true;
    return Buffer.concat(this.#body).subarray(0, BODY_BYTES_MAX).includes(bodyContains);
  }

  onResponseError(_controller: unknown, error: Error): void {
    const code = codeOf(error);
    const cause = causeOfCode(code, this.#isSent);
    const sign = cause === "refused" || cause === "reset" || cause === "timeout" ? cause : "failed";
    this.#finish(sign, code ?? error.message);
  }

  #finish(sign: CheckSign, text: string): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#timer.cancel();
    this.#done({ sign, startedMs: this.#startedMs, text });
  }
}
