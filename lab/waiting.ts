/** Waiting for something to be written in the journal, always for a bounded time. */
import { EXIT, UserError } from "#core/errors.ts";
import { after } from "#core/host/clock.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { Journal } from "./journal.ts";

export interface WaitOptions {
  /** Events after this one count; default: only those that come. */
  readonly sinceSeq?: number;
  readonly timeoutMs: number;
  /** For the message: "waited 2 s in vain for …". */
  readonly what: string;
}

/** The first event for which `isIt` holds. Rejects with `WAIT_TIMEOUT`. */
export async function waitFor(
  journal: Journal,
  isIt: (event: JournalEvent) => boolean,
  { sinceSeq = journal.lastSeq, timeoutMs, what }: WaitOptions,
): Promise<JournalEvent> {
  const known = journal.since(sinceSeq).find(isIt);
  if (known !== undefined) return known;
  const { promise, resolve } = Promise.withResolvers<JournalEvent>();
  const stop = journal.subscribe((event) => {
    if (isIt(event)) resolve(event);
  });
  try {
    return await within(promise, timeoutMs, `waited ${timeoutMs / 1000} s in vain for ${what}`);
  } finally {
    stop();
  }
}

/** True once `isDone`, which is looked at after each event; false after `ms`, or when `signal` says to give up. */
export async function until(
  journal: Journal,
  ms: number,
  isDone: () => boolean,
  signal?: AbortSignal,
): Promise<boolean> {
  if (isDone()) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // After the turn in which the event was written: what follows from it is in place then.
  const stop = journal.subscribe(() => queueMicrotask(() => isDone() && resolve(true)));
  const giveUp = (): void => resolve(isDone());
  const timer = after(ms, giveUp);
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted) giveUp();
  try {
    return await promise;
  } finally {
    stop();
    timer.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

/** Rejects with `WAIT_TIMEOUT` and `message` after `ms`. */
export async function within<T>(promise: Promise<T>, ms: number, message: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = after(ms, () => reject(new UserError("WAIT_TIMEOUT", message, { exitCode: EXIT.failure })));
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.cancel();
  }
}
