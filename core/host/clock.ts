/**
 * The one home of clocks and timers. Times that are compared across processes are monotonic nanoseconds
 * (CLOCK_MONOTONIC, shared by all processes of a host), kept in a double: exact for the first 104 days of uptime, to
 * within 2 ns for the next 104. Wall-clock time is for people (file names, report headings) only.
 */
const NS_PER_MS = 1e6;

/** Monotonic nanoseconds since the host's boot. */
export function nowNs(): number {
  return Number(process.hrtime.bigint());
}

/** Monotonic milliseconds with fraction, on the same axis as `nowNs`. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / NS_PER_MS;
}

/** Monotonic whole microseconds, on the same axis as `nowNs`. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** ISO 8601 with milliseconds and `Z`. */
export function wallClock(): string {
  return new Date().toISOString();
}

/** Milliseconds since 1970, of the wall clock: only to be compared with dates that others have written. */
export function wallMs(): number {
  return Date.now();
}

/** A date as HTTP or a person writes it, in milliseconds since 1970; NaN: it is none. */
export function dateMs(text: string | undefined): number {
  return text === undefined ? Number.NaN : Date.parse(text);
}

/** Resolves after at least `ms` milliseconds. For drivers only: a policy returns deadlines instead of waiting. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    function onAbort(): void {
      clearTimeout(timer);
      reject(signal!.reason);
    }
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Resolves in the loop's check phase: what had come to the process's sockets has just been read. */
export function checkPhase(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A timer as a policy-free handle: `cancel()` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** Runs `fn` once, not before `ms` from now. `unref` timers keep no process alive. */
export function after(ms: number, fn: () => void, options: { unref?: boolean } = {}): Timer {
  const timer = setTimeout(fn, Math.max(0, ms));
  if (options.unref) timer.unref();
  return { cancel: () => clearTimeout(timer) };
}

/** Runs `fn` every `ms`, first after `ms`; drifts with the loop, never runs twice to catch up. */
export function every(ms: number, fn: () => void, options: { unref?: boolean } = {}): Timer {
  const timer = setInterval(fn, ms);
  if (options.unref) timer.unref();
  return { cancel: () => clearInterval(timer) };
}
