/** A request's body by its schema; what does not fit is told by the place where it stands. */
import type { z } from "zod";
import { UserError } from "#core/errors.ts";

export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  throw new UserError("BODY_INVALID", issues.join("; "));
}
