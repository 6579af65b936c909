/**
 * What does an activity's call. The engine knows this and no socket: transports and process runners are injected, so
 * that it can run on virtual time with fakes.
 *
 * A call either gives a value, which a tolerance may then dislike, or fails: only a connection that could not be made or
 * broke, a timeout, or a refusal of ours. A status of 500 is a value. That is Chaos Toolkit's line between the two.
 */
import type { HttpCall, ProcessCall, PythonCall } from "../experiment/experiment.ts";
import type { Json } from "../experiment/json.ts";
import type { Scope } from "../experiment/scope.ts";

/** The activity failed. The message is clean: no value of a secret is in it. */
export class ActivityFailedError extends Error {
  readonly code = "ACTIVITY_FAILED";
}

export interface Provider<C extends HttpCall | ProcessCall | PythonCall> {
  /** Templates of `call` are resolved in `scope`. The value may hold secrets. Rejects with `ActivityFailedError`. */
  run(call: C, scope: Scope, signal: AbortSignal): Promise<Json>;
}
