/**
 * `resume`: going on with a response body whose node died or stalled half-way, by Range at another node. On, because it
 * acts only where the bytes are provably the same (strong ETag); everything else is aborted as it would be without.
 */
import { z } from "zod";

export const resumeSchema = z.strictObject({
  isEnabled: z
    .boolean()
    .default(true)
    .describe(
      "Go on with a half-sent GET by Range at another node, if the body has a strong ETag and its length is known; otherwise, and with `false`, the connection is aborted.",
    ),
  resumesMax: z
    .int()
    .min(1)
    .max(1_000)
    .default(16)
    .describe("A response is gone on with so often at most; each time is paid from the retry budget."),
  stallTimeoutMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(2_000)
    .describe(
      "A body that can be gone on with and grows by less than 1 KiB in this time has stalled. Others: `limits.idleTimeoutMs`.",
    ),
});

export type ResumeOptions = Readonly<z.output<typeof resumeSchema>>;
