/** Why a request got no node's answer: the words that clients, events and metrics share. */
import type { FailureCause, FailureClass } from "../resilience/failure-class.ts";
import type { BodyLoss } from "./request-body.ts";

export type RequestFailure =
  /** The last attempt ended so. */
  | {
      readonly kind: "attempt";
      readonly failure: FailureClass;
      readonly cause: FailureCause;
      /** It might have been repeated, but part of its body has gone that is not kept. */
      readonly bodyLoss?: BodyLoss | undefined;
    }
  /** The vantage reaches no site. */
  | { readonly kind: "unreachable" }
  /** No node could take the request: all are full, drained to weight 0, or absent. */
  | { readonly kind: "no-node" }
  /** `totalTimeoutMs` is over and no attempt ran. */
  | { readonly kind: "timeout" }
  /** Every site of the vantage is left alone by its circuit breaker. */
  | { readonly kind: "breaker-open"; readonly retryAfterS: number }
  /** The body has more bytes than may come. */
  | { readonly kind: "body-too-large" }
  /** Mode `anycast-only`: the connection's site changed under it. */
  | { readonly kind: "moved" };

/**
 * `C; cause=reset`, `C; cause=reset; body=too-large-to-repeat`, `unreachable`; of a request for a subset of the nodes with its name:
 * `no-node; subset=v2`.
 */
export function failureText(failure: RequestFailure, subset?: string): string {
  const forSubset = subset === undefined ? "" : `; subset=${subset}`;
  if (failure.kind !== "attempt") return `${failure.kind}${forSubset}`;
  const remark = failure.bodyLoss === undefined ? "" : `; body=${failure.bodyLoss}`;
  return `${failure.failure}; cause=${failure.cause}${remark}${forSubset}`;
}

/** Short, for a metric's label or an event. */
export function failureLabel(failure: RequestFailure): string {
  return failure.kind === "attempt" ? `${failure.failure} ${failure.cause}` : failure.kind;
}
