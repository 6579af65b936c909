/** What the page asks its lab to do. A refusal is the lab's own sentence, with its hint. */
import { signal } from "@preact/signals";
import type { ErrorReply, SessionReply } from "../core/wire/control.ts";
import type { PAGE_KEY_HEADER as WIRE_HEADER } from "../core/wire/control.ts";
import type { FaultHow } from "../core/wire/faults.ts";
import { keepPageKey, pageKey, words } from "./store.ts";

/** As `core/wire/control.ts` has it, of which the page may import types only. */
const PAGE_KEY_HEADER: typeof WIRE_HEADER = "x-anycastle-page";

export interface Outcome {
  readonly sort: "doing" | "done" | "refused";
  readonly text: string;
}

/** How the last order went. */
export const outcome = signal<Outcome | undefined>(undefined);
export const isTesting = signal(false);
export const isLoadChanging = signal(false);

export function fail(target: string, how: FaultHow): Promise<void> {
  return order(`${how} ${target}`, "fail", { target, how });
}

export function revive(target: string): Promise<void> {
  return order(words.value.kill.revive(target), "revive", { target });
}

export function drain(target: string): Promise<void> {
  return order(words.value.kill.drain(target), "drain", { target });
}

export function reset(): Promise<void> {
  return order(words.value.kill.reset, "reset", {});
}

export function test(): Promise<void> {
  return during(isTesting, () => order(words.value.table.run, "test", {}));
}

/** Null: off. */
export function load(rate: number | null): Promise<void> {
  const { start, stop } = words.value.counters;
  return during(isLoadChanging, () => order(rate === null ? stop : start, "load", { rate }));
}

/** Uses a one-time link up; false when it was used already. */
export async function openSession(key: string): Promise<boolean> {
  const response = await post("session", { key });
  if (response.ok) keepPageKey(((await response.json()) as SessionReply).pageKey);
  return response.ok;
}

async function during(busy: { value: boolean }, action: () => Promise<void>): Promise<void> {
  if (busy.value) return;
  busy.value = true;
  try {
    await action();
  } finally {
    busy.value = false;
  }
}

async function order(what: string, path: string, body: unknown): Promise<void> {
  outcome.value = { sort: "doing", text: words.value.kill.doing(what) };
  try {
    const response = await post(path, body);
    outcome.value = response.ok
      ? { sort: "done", text: words.value.kill.done(what) }
      : { sort: "refused", text: `${what}: ${await refusalOf(response)}` };
  } catch {
    outcome.value = { sort: "refused", text: `${what}: ${words.value.state.lost}` };
  }
}

function post(path: string, body: unknown): Promise<Response> {
  return fetch(`/api/v1/${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(pageKey.value !== null && { [PAGE_KEY_HEADER]: pageKey.value }),
    },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
}

async function refusalOf(response: Response): Promise<string> {
  try {
    const { message, hint } = ((await response.json()) as ErrorReply).error;
    return hint === undefined ? message : `${message} (${hint})`;
  } catch {
    return `${response.status}`;
  }
}
