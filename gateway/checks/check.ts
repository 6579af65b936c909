/**
 * One active health check: GET of the health path on a connection of its own, kept open between checks.
 *
 * Passed: a complete answer of status 200 to 299 within the timeout; `x-node-state: draining` on any answer takes
 * precedence. The timeout is this module's own timer, exact to a millisecond (undici's are up to 500 ms late), and it
 * looks once more at what has already arrived: a late wake-up is not a slow node.
 */
import { Client, type Dispatcher } from "undici";
import { codeOf } from "#core/errors.ts";
import type { Timer } from "#core/host/clock.ts";
import type { GatewayClock } from "../gateway-clock.ts";
import type { CheckSign } from "../health/node-health.ts";
import { causeOfCode } from "../resilience/failure-class.ts";

export interface CheckResult {
  readonly sign: CheckSign;
  readonly startedMs: number;
  /** `200 in 1.2 ms`, `ECONNREFUSED`, `timeout`. */
  readonly text: string;
}

const HEADERS = { "user-agent": "anycastle-health" };

export class CheckConnection {
  readonly #origin: string;
  readonly #clock: GatewayClock;
  #client: Client;

  constructor(origin: string, clock: GatewayClock) {
    this.#origin = origin;
    this.#clock = clock;
    this.#client = this.#open();
  }

  /** One at a time. Calls back exactly once, unless `close` comes first. */
  run(path: string, timeoutMs: number, done: (result: CheckResult) => void): void {
    const check = new Check(this.#clock, timeoutMs, (result) => {
      // Whatever is still to come on this connection belongs to a check that is over.
      if (!check.isClean) this.#renew();
      done(result);
    });
    this.#client.dispatch({ path, method: "GET", headers: HEADERS }, check);
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
    return new Client(this.#origin, { pipelining: 1, allowH2: false, headersTimeout: 0, bodyTimeout: 0 });
  }
}

class Check implements Dispatcher.DispatchHandler {
  readonly #clock: GatewayClock;
  readonly #startedMs: number;
  readonly #timer: Timer;
  readonly #done: (result: CheckResult) => void;
  #isSent = false;
  #status = 0;
  #isDraining = false;
  #isDone = false;
  /** The answer was read to its end. */
  isClean = false;

  constructor(clock: GatewayClock, timeoutMs: number, done: (result: CheckResult) => void) {
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
    this.#done = done;
    this.#timer = clock.after(timeoutMs, () => setImmediate(() => this.#finish("timeout", "timeout")));
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

  onResponseData(): void {
    // The body says nothing; it is read so that the connection can be used again.
  }

  onResponseEnd(): void {
    this.isClean = true;
    const tookMs = this.#clock.nowMs() - this.#startedMs;
    const isPassed = this.#status >= 200 && this.#status <= 299;
    const sign: CheckSign = this.#isDraining ? "draining" : isPassed ? "passed" : "failed";
    this.#finish(sign, `${this.#status} in ${tookMs.toFixed(1)} ms`);
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
