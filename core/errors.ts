/**
 * Boundary errors: what a person typed, configured or asked of an API and cannot be done.
 *
 * The message says what happened and why; `hint` says what to type instead. Exit codes are those of the
 * command line's contract: 0 ok, 1 runtime failure, 2 usage or config, 3 no lab, 99 objective missed.
 */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  unreachable: 3,
  missed: 99,
  interrupted: 130,
  terminated: 143,
} as const;

export class UserError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly hint: string | undefined;

  /** `code` is stable and upper case (`SITE_UNKNOWN`); `message` is one sentence; `hint` is what to type instead. */
  constructor(
    code: string,
    message: string,
    options: { hint?: string; exitCode?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "UserError";
    this.code = code;
    this.exitCode = options.exitCode ?? EXIT.usage;
    this.hint = options.hint;
  }
}

/** The message of anything thrown, for logs and journals. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error (`ECONNREFUSED`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
