/**
 * A small open-loop load on a running lab: one GET every `1/rate` s at its due time, whatever came of those before it,
 * over keep-alive connections of one vantage. It keeps the gateway's pools warm and counts what failed.
 */
import { Agent, request } from "node:http";
import { every, nowMs, type Timer } from "#core/host/clock.ts";

const TICK_MS = 5;
const CONNECTIONS_MAX = 64;
const TIMEOUT_MS = 10_000;
const REASONS_MAX = 10;

export class SteadyLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  readonly #url: URL;
  readonly #host: string;
  readonly #ratePerS: number;
  readonly #startedMs = nowMs();
  readonly #timer: Timer;
  #isOver = false;
  sent = 0;
  answered = 0;
  failed = 0;
  /** Why, of the first `REASONS_MAX`. */
  readonly reasons: string[] = [];

  constructor(url: string, vantage: string, ratePerS: number) {
    this.#url = new URL(url);
    this.#host = `${vantage}.localhost:${this.#url.port}`;
    this.#ratePerS = ratePerS;
    this.#timer = every(TICK_MS, () => {
      const due = Math.floor(((nowMs() - this.#startedMs) / 1000) * this.#ratePerS);
      while (this.sent < due) this.#ask();
    });
  }

  /** What is under way then is cut off and counts neither way. */
  stop(): void {
    this.#isOver = true;
    this.#timer.cancel();
    this.#agent.destroy();
  }

  #ask(): void {
    this.sent += 1;
    let isCounted = false;
    const count = (failure: string | undefined): void => {
      if (isCounted || this.#isOver) return;
      isCounted = true;
      if (failure === undefined) this.answered += 1;
      else {
        this.failed += 1;
        if (this.reasons.length < REASONS_MAX) this.reasons.push(failure);
      }
    };
    const { hostname, port } = this.#url;
    const asked = request(
      { hostname, port, agent: this.#agent, headers: { host: this.#host }, timeout: TIMEOUT_MS },
      (response) => {
        const { statusCode, headers } = response;
        const failure = `${statusCode} ${String(headers["x-gateway-failure"] ?? "")}`.trim();
        response.resume();
        response.on("end", () => count(statusCode === 200 ? undefined : failure));
        response.on("error", (error) => count(error.message));
      },
    );
    asked.on("timeout", () => asked.destroy(new Error(`no answer for ${TIMEOUT_MS} ms`)));
    asked.on("error", (error) => count(error.message));
    asked.end();
  }
}
