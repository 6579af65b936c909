/** `cache`: answers that are kept and given out again. Absent: none is. */
import { z } from "zod";

export const cacheSchema = z.strictObject({
  bytesMax: z
    .int()
    .min(65_536)
    .max(8_589_934_592)
    .default(67_108_864)
    .describe(
      "Bytes of all that is kept, in memory; the one that was used longest ago goes first. Answers on their way to be kept may take as many.",
    ),
  entryBytesMax: z
    .int()
    .min(1_024)
    .max(1_073_741_824)
    .default(1_048_576)
    .describe("A longer body is passed on and not kept."),
  entriesMax: z.int().min(1).max(10_000_000).default(100_000).describe("Answers that are kept."),
  staleIfErrorS: z
    .int()
    .min(0)
    .max(31_536_000)
    .default(0)
    .describe(
      "An answer that is too old by up to so many seconds is given when no node can answer, unless it says otherwise itself (`stale-if-error`, `must-revalidate`).",
    ),
  waitersMax: z
    .int()
    .min(0)
    .max(100_000)
    .default(1_000)
    .describe("Requests that wait for the answer to the same one, instead of asking too; 0: each asks."),
  waitMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(5_000)
    .describe("... for so long at most, then they ask themselves."),
});

export type CacheConfig = Readonly<z.output<typeof cacheSchema>>;
