/** `accessLog` and `requestId`: a line for requests, and a name for each. */
import { z } from "zod";

export const accessLogSchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .max(4_096)
    .describe(
      "File to append to, one JSON document a line; `stdout`: standard output. SIGHUP opens it again.",
    ),
  sampleSuccess: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      "Share of the requests to be written that were answered at the first attempt; all others always are.",
    ),
  isQueryLogged: z
    .boolean()
    .default(false)
    .describe(
      "`true`: paths with their queries, which may hold what only the client and the node should know.",
    ),
});

export type AccessLogConfig = Readonly<z.output<typeof accessLogSchema>>;
