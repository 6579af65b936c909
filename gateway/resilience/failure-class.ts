/**
 * What may be done about a failed attempt: the law of failover (RFC 9110 §9.2.2) as a function of how far it had come.
 *
 *   A  not yet connected, or waiting for a connection       every method may be sent again
 *   C  written to a used connection, no byte back           idempotent methods only: the node may have acted
 *   D  written to a fresh connection, no byte back          the same
 *   E  response head or part held, nothing sent on          the same
 *   F  part sent to the client                              the rest by Range where it is provably the same body
 *                                                           (`resume.ts`), else the client's connection is aborted
 *
 * Class B (a used connection whose end has already been read) never shows here: the pool does not use such a one.
 * That a failure on a used connection is "safe whatever the method" is false after a kill: the request may have been
 * executed before the process died.
 */
export type FailureClass = "A" | "C" | "D" | "E" | "F";

/**
 * What ended the attempt. `broken`: the node spoke, but not HTTP. `changed`: asked for the rest of a body it had
 * something else. `status`: it answered that it, or what stands behind it, cannot. `unkept`: what was kept of the request's body could
 * not be read any more, which is no fault of the node's.
 */
export type FailureCause =
  | "refused"
  | "reset"
  | "timeout"
  | "broken"
  | "saturated"
  | "changed"
  | "status"
  | "unkept";

/** What a node, or a proxy before it, answers when it cannot: 502, 503, 504. */
export const GATEWAY_ERRORS: readonly number[] = [502, 503, 504];

export interface AttemptProgress {
  /** The request was handed to a connection. */
  readonly isSent: boolean;
  /** That connection had served another request before. */
  readonly isReused: boolean;
  readonly isHeadReceived: boolean;
  readonly isPartSentToClient: boolean;
}

export function failureClass(progress: AttemptProgress): FailureClass {
  if (progress.isPartSentToClient) return "F";
  if (progress.isHeadReceived) return "E";
  if (!progress.isSent) return "A";
  return progress.isReused ? "C" : "D";
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"]);

/** RFC 9110 §9.2.2; QUERY by its own specification. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

export interface RetryPermit {
  readonly method: string;
  /** The client sent `Idempotency-Key`: the application tells repeats apart. */
  readonly hasIdempotencyKey: boolean;
  /** The operator says that non-idempotent requests may be repeated. */
  readonly isOptedIn: boolean;
}

export function mayRetry(failure: FailureClass, permit: RetryPermit): boolean {
  if (failure === "F") return false;
  if (failure === "A") return true;
  return isIdempotent(permit.method) || permit.hasIdempotencyKey || permit.isOptedIn;
}

/** Code of the error that ends an attempt whose request body has gone. */
export const BODY_LOST = "BODY_LOST";

/** From the `code` of a system error or of undici. */
export function causeOfCode(code: string | undefined, isSent: boolean): FailureCause {
  switch (code) {
    case "ECONNREFUSED":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENETDOWN":
    case "ENOTFOUND":
    case "EADDRNOTAVAIL":
      return "refused";
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return "timeout";
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return isSent ? "reset" : "refused";
    case BODY_LOST:
      return "unkept";
    default:
      return !isSent && code !== undefined && isTlsCode(code) ? "refused" : "broken";
  }
}

/** Of a handshake that failed: the node is not who it should be, or cannot prove it. */
function isTlsCode(code: string): boolean {
  return code.startsWith("ERR_TLS_") || code.startsWith("ERR_SSL_") || CERTIFICATE_CODES.has(code);
}

/** Node's names for what X.509 verification finds. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
