/** `body`: what is kept of request bodies, so that they can be sent again. */
import { z } from "zod";

const MIB = 1024 * 1024;

export const bodySchema = z.strictObject({
  replayBytesMax: z
    .int()
    .min(0)
    .max(16 * MIB)
    .default(65_536)
    .describe(
      "Bytes of a request body kept in memory so that it can be sent again; a larger one is not retried, unless there is a `spill`.",
    ),
  spill: z
    .strictObject({
      directory: z
        .string()
        .regex(/^\//, "must be an absolute path")
        .describe("For the rest of larger bodies: files without a name, gone with the gateway."),
      bytesMax: z
        .int()
        .min(1)
        .max(1_024 * 1_024 * MIB)
        .default(64 * MIB)
        .describe("Bytes of one body there at most; a larger one is not retried."),
      totalBytesMax: z
        .int()
        .min(1)
        .max(1_024 * 1_024 * MIB)
        .default(1_024 * MIB)
        .describe("Bytes of all bodies there; what comes above is not kept."),
    })
    .optional()
    .describe("Absent: nothing is written to a disk."),
});

export type SpillConfig = NonNullable<z.output<typeof bodySchema>["spill"]>;
