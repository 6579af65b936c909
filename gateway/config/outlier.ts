/**
 * `outlier`: nodes that answer worse, slower or later than they should. Five gateway errors in a row are the default, as in
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
      "Share of all nodes that may be out for this at the same time; always one, never the last healthy one.",
    ),
  intervalMs: z
    .int()
    .min(1_000)
    .max(600_000)
    .default(10_000)
    .describe("Shares of failed attempts and answer times are judged at the end of each such interval."),
  requestsMin: z
    .int()
    .min(5)
    .max(1_000_000)
    .default(100)
    .describe("A node with fewer attempts in an interval is not judged, and does not judge others."),
  failurePercent: z
    .int()
    .min(0)
    .max(100)
    .default(85)
    .describe("Failed attempts of an interval that take a node out, percent; 0: never."),
  successRateSigma: z
    .number()
    .min(0)
    .max(10)
    .default(0)
    .describe(
      "A share of failed attempts above the mean of all nodes by so many standard deviations takes a node out, with five nodes or more (1.9 in Envoy); 0: never.",
    ),
  latencyFactor: z
    .number()
    .min(0)
    .max(1_000)
    .default(0)
    .refine((factor) => factor === 0 || factor >= 1.5, "must be 0 or at least 1.5")
    .describe(
      "A median answer time above that of its site's other nodes by this factor takes a node out; 0: never.",
    ),
  latencyFloorMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(10)
    .describe("... and no node is slow whose median is below this."),
  silencePhi: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe(
      "A node that owes an answer is taken out when its silence is as unlikely as 10 to the minus this, given its answer times (phi accrual; 8 is usual); 0: never.",
    ),
  silenceDeviationMinMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(100)
    .describe("... whose standard deviation is never taken for less than this."),
  probeIntervalMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(0)
    .describe(
      "A node that is out and whose time is over gets one idempotent request of its site's clients each so often; an answer brings it back. 0: only checks do.",
    ),
  isEndedByChecks: z
    .boolean()
    .default(false)
    .describe(
      "Passed checks bring a node back before its time is over. Only where the check sees what clients see.",
    ),
});
