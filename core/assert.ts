/** A broken invariant is a bug in this program: it throws, stays on in production, and is never caught to go on. */
export class InvariantError extends Error {
  readonly code = "INVARIANT";
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
