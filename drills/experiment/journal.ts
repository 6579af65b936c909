/**
 * The journal of a run as Chaos Toolkit writes it (`journal.json`), so that `chaos report` and whoever else reads those
 * can read ours. Our own measurements do not go in here but into a file beside it: unknown keys would be lost.
 *
 * `completed` means that the run came to its end, not that it went well: a hypothesis that did not hold before the method
 * is `completed`, not deviated, and has an empty `run`. `succeeded` below says what people mean.
 */
import { z } from "zod";
import { UserError } from "#core/errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { withoutInlineSecrets, type Redactor } from "./redactor.ts";

export type RunStatus = "completed" | "failed" | "aborted" | "interrupted";

export interface Journal {
  readonly "chaoslib-version": string;
  readonly platform: string;
  readonly node: string;
  readonly experiment: JsonObject;
  /** RFC 3339, UTC. */
  readonly start: string;
  readonly end: string;
  /** Seconds. */
  readonly duration: number;
  readonly status: RunStatus;
  /** The hypothesis held before the method and did not hold after it, or while it ran. */
  readonly deviated: boolean;
  readonly steady_states: {
    readonly before: SteadyState | null;
    readonly after: SteadyState | null;
    readonly during: readonly SteadyState[];
  };
  readonly run: readonly ActivityRun[];
  readonly rollbacks: readonly ActivityRun[];
}

export interface SteadyState {
  readonly steady_state_met: boolean;
  readonly probes: readonly ProbeRun[];
}

export interface ActivityRun {
  readonly activity: JsonObject;
  readonly output: Json;
  readonly status: "succeeded" | "failed";
  readonly start: string;
  readonly end: string;
  /** Seconds. */
  readonly duration: number;
  /** Lines, as a traceback has them. */
  readonly exception?: readonly string[];
}

export interface ProbeRun extends ActivityRun {
  readonly tolerance_met: boolean;
}

/** The journal of a long drill with a probe every 100 ms stays below. */
const TEXT_LENGTH_MAX = 64 * 1024 * 1024;

/** Reports of Chaos Toolkit compare it with versions of the library; ours is the one whose behaviour we follow. */
export const CHAOSLIB_VERSION = "1.44.0";

const json = z.custom<Json>((value) => value !== undefined);
const document = z.custom<JsonObject>((value) => isObject(value as Json), "expected a map");
const activityRun = z.looseObject({
  activity: document,
  output: json.default(null),
  status: z.enum(["succeeded", "failed"]).default("failed"),
  start: z.string(),
  end: z.string().default(""),
  duration: z.number().default(0),
  exception: z.array(z.string()).optional(),
});
const steadyState = z.looseObject({
  steady_state_met: z.boolean().nullable().transform(Boolean),
  probes: z.array(activityRun.extend({ tolerance_met: z.boolean().default(false) })),
});
const journalSchema = z.looseObject({
  "chaoslib-version": z.string(),
  platform: z.string(),
  node: z.string(),
  experiment: document,
  start: z.string(),
  end: z.string().default(""),
  duration: z.number().default(0),
  status: z.enum(["completed", "failed", "aborted", "interrupted"]),
  deviated: z.boolean(),
  // Without a hypothesis, and before it was asked, that code writes null.
  steady_states: z.looseObject({
    before: steadyState.nullable(),
    after: steadyState.nullable(),
    during: z.array(steadyState).default([]),
  }),
  run: z.array(activityRun),
  rollbacks: z.array(activityRun),
});

/** As a text. Whatever is secret goes here, at the only way out. */
export function writeJournal(journal: Journal, redactor: Redactor): string {
  const experiment = withoutInlineSecrets(journal.experiment);
  const clean = redactor.json({ ...journal, experiment } as unknown as Json);
  return `${JSON.stringify(clean, null, 2)}\n`;
}

/** Throws `JOURNAL_INVALID`, which says where. Keys of others are kept. */
export function readJournal(text: string): Journal {
  if (text.length > TEXT_LENGTH_MAX) throw invalid(`it has more than ${TEXT_LENGTH_MAX} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What V8 says would quote the text.
    throw invalid("it is no JSON");
  }
  const checked = journalSchema.safeParse(value);
  if (checked.success) return checked.data as Journal;
  const issues = checked.error.issues.map(
    ({ path, message }) => `${path.join(".") || "journal"}: ${message}`,
  );
  throw invalid(issues.slice(0, 5).join("; "));
}

/** Did the system do what the hypothesis says, before, during and after, and did every activity and rollback work? */
export function hasSucceeded({ status, deviated, steady_states: states, run, rollbacks }: Journal): boolean {
  const { before, after, during } = states;
  const held = [before, after, ...during].every((state) => state?.steady_state_met !== false);
  const worked = [...run, ...rollbacks].every((one) => one.status === "succeeded");
  return status === "completed" && !deviated && held && worked && (before !== null || after !== null);
}

function invalid(why: string): UserError {
  return new UserError("JOURNAL_INVALID", `this is no journal of Chaos Toolkit: ${why}`, {
    hint: "`chaos run` writes one as journal.json",
  });
}
