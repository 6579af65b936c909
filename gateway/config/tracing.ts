/** `tracing` and `serverTiming`: what a request did, told to a collector or to its client. */
import { z } from "zod";

const WAIT_MS_MAX = 60_000;
const waitMs = z.int().min(10).max(WAIT_MS_MAX);

export const OTLP_ENDPOINT = /^https?:\/\/[^\s?#]+$/;

export const tracingSchema = z.strictObject({
  otlp: z.strictObject({
    endpoint: z
      .string()
      .regex(OTLP_ENDPOINT, "must be http://host:port")
      .describe(
        "Collector that takes OTLP over HTTP, without the path: http://localhost:4318. OTEL_EXPORTER_OTLP_ENDPOINT says it too.",
      ),
    timeoutMs: waitMs
      .default(5_000)
      .describe("Longest time for one batch, all tries included; what it held is lost then, and counted."),
  }),
  batchMs: waitMs.default(1_000).describe("Spans wait so long for others to go with them, if they are few."),
  sampleRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe(
      "Share of the traces that begin here and are told; those that failed or needed more than one attempt always are, those of a caller as the caller says.",
    ),
  serviceName: z
    .string()
    .min(1)
    .max(256)
    .default("anycastle-gateway")
    .describe("Name of this service in the traces."),
});

export const serverTimingSchema = z
  .enum(["off", "on-trusted-request", "on-request", "always"])
  .default("off")
  .describe(
    "`Server-Timing` on answers: time in the gateway, in line and at the node, attempts. `on-request`: for requests with `x-server-timing: 1`; `on-trusted-request`: for those of them that come from `trustedProxies`.",
  );

export type TracingConfig = Readonly<z.output<typeof tracingSchema>>;
export type ServerTiming = z.output<typeof serverTimingSchema>;
