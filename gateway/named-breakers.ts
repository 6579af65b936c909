/**
 * Circuit breakers by name, around any asynchronous call to something that may be away: `get(name, …).execute(run)`. The policy is
 * that of sites (`resilience/breaker`), in its model of failures in a row; what is added here is the clock, and that a promise's
 * end is the call's. Everybody who asks for a name gets the same breaker. Requests have their own way, through the breakers of
 * their sites.
 */
import { invariant } from "#core/assert.ts";
import { CircuitBreaker } from "./resilience/breaker/breaker.ts";

/** Names are words of the program, not of its users. */
const NAMES_MAX = 100;

export interface NamedBreakerOptions {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** After the last of them one call may try. */
  readonly timeoutMs: number;
}

/** For what the gateway uses and can do without for a while: after three failures in a row it is left alone for half a minute. */
export const DEPENDENCY_BREAKER: NamedBreakerOptions = { failureThreshold: 3, timeoutMs: 30_000 };

/** It was not even tried. */
export class CircuitBreakerOpenError extends Error {
  readonly code = "BREAKER_OPEN";
  /** Until somebody may try. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super("Circuit breaker is open");
    this.name = "CircuitBreakerOpenError";
    this.retryAfterMs = retryAfterMs;
  }
}

export class NamedBreaker {
  readonly policy: CircuitBreaker;
  readonly options: NamedBreakerOptions;
  readonly #nowMs: () => number;

  constructor(name: string, options: NamedBreakerOptions, nowMs: () => number) {
    this.policy = new CircuitBreaker(name, { mode: "consecutive", ...options, permittedCallsInHalfOpen: 1 });
    this.options = options;
    this.#nowMs = nowMs;
  }

  /** Whether `execute` would refuse now. */
  get isOpen(): boolean {
    return !this.policy.wouldAdmit(this.#nowMs());
  }

  /** What `run` gives; rejects with a `CircuitBreakerOpenError` instead of calling it. A rejection of `run` is a failure. */
  async execute<T>(run: () => Promise<T>): Promise<T> {
    const call = this.policy.admit(this.#nowMs());
    if (call === undefined) throw new CircuitBreakerOpenError(this.policy.retryAfterMs(this.#nowMs()));
    try {
      const result = await run();
      this.policy.succeeded(call, this.#nowMs());
      return result;
    } catch (error) {
      this.policy.failed(call, this.#nowMs());
      throw error;
    }
  }
}

export class NamedBreakers {
  readonly #nowMs: () => number;
  readonly #byName = new Map<string, NamedBreaker>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get all(): readonly CircuitBreaker[] {
    return [...this.#byName.values()].map(({ policy }) => policy);
  }

  /** The breaker of this name, a new one if nobody has asked for it. Two who share it must want the same of it. */
  get(name: string, options: NamedBreakerOptions): NamedBreaker {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      const { failureThreshold, timeoutMs } = known.options;
      const isSame = failureThreshold === options.failureThreshold && timeoutMs === options.timeoutMs;
      invariant(isSame, `breaker "${name}" is wanted with other options than it has`);
      return known;
    }
    invariant(this.#byName.size < NAMES_MAX, `more than ${NAMES_MAX} named breakers`);
    const breaker = new NamedBreaker(name, options, this.#nowMs);
    this.#byName.set(name, breaker);
    return breaker;
  }
}
