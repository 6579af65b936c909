/**
 * `outlier`: nodes whose answers, not whose silence, take them out. Five gateway errors in a row are the default, as in
 * Envoy: a node in good health has none, so nobody is taken out on a busy box, and the share that may be out bounds what
 * an outage behind all nodes can do.
 */
import { z } from "zod";

export const outlierSchema = z.strictObject({
  consecutiveErrors: z
    .int()
    .min(0)
    .max(1_000)
    .default(5)
    .describe("Answers 502, 503 or 504 in a row that take a node out; 0: never."),
  ejectionBaseMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(30_000)
    .describe(
      "Out for at least this long the first time, twice as long the second, and so on; then checks decide.",
    ),
  ejectionMaxMs: z
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(300_000)
    .describe("... but no longer than this. So long without an ejection takes one off the count."),
  shareMaxPercent: z
    .int()
    .min(1)
    .max(100)
    .default(50)
    .describe(
      "Share of all nodes that may be out for errors at the same time; always one, never the last healthy one.",
    ),
});
