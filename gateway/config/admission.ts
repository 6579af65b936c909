/**
 * `admission`: what is turned away before a node is asked. Every limit is off until it is set: what is right depends on the
 * service, and a wrong limit is an outage.
 */
import { z } from "zod";
import type { AdaptiveOptions } from "../admission/create-limit.ts";
import type { RateLimit } from "../admission/rate-limiter.ts";
import { adaptiveIssue, adaptiveSchema, completeAdaptive } from "./adaptive-limit.ts";

const RATE_MAX = 1_000_000;
const CLIENTS_DEFAULT = 100_000;

export const rateLimitSchema = z.strictObject({
  requestsPerSecond: z
    .number()
    .min(0)
    .max(RATE_MAX)
    .default(0)
    .describe("Requests a second on average, fractions allowed; 0: no limit. 429 above."),
  burst: z
    .int()
    .min(1)
    .max(RATE_MAX)
    .optional()
    .describe("Requests at once; absent: those of one second, at least 1."),
});

const connections = z.int().min(0).max(1_000_000).default(0);

export const admissionSchema = z.strictObject({
  rateLimit: rateLimitSchema.prefault({}),
  rateLimitPerClient: rateLimitSchema
    .extend({
      clientsMax: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(CLIENTS_DEFAULT)
        .describe("Addresses that are remembered; of more, the one quiet for longest is forgotten."),
    })
    .prefault({}),
  activeMax: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe("Requests under way at the same time; 0: no limit."),
  waitingMax: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe(
      "With `activeMax` or `adaptive`: so many more wait for their turn, better tiers first (`paths[].tier`), then first come, first served; 503 above.",
    ),
  waitTimeoutMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(1_000)
    .describe(
      "With `waitingMax`: 503 for whoever has waited for so long, at once for whoever would; no longer than leaves time for an answer within `retry.totalTimeoutMs`.",
    ),
  waitTargetMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(0)
    .describe(
      "With `waitingMax`: a line that has not been empty for 100 ms takes in who will wait for so long at most; 0: as any other line.",
    ),
  adaptive: adaptiveSchema.prefault({}),
  bodyBytesMax: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe("Largest request body; 413 above, without reading it all. 0: no limit."),
  connectionsMax: connections.describe("Client connections; more are closed at once. 0: no limit."),
  connectionsPerClientMax: connections.describe("The same of one address. 0: no limit."),
});

type Section = z.output<typeof admissionSchema>;

export interface AdmissionConfig {
  /** Undefined: none. */
  readonly rateLimit: RateLimit | undefined;
  readonly rateLimitPerClient: RateLimit | undefined;
  readonly clientsMax: number;
  /** 0: no limit, here and below. */
  readonly activeMax: number;
  readonly waitingMax: number;
  readonly waitTimeoutMs: number;
  readonly waitTargetMs: number;
  readonly adaptive: AdaptiveOptions;
  readonly bodyBytesMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerClientMax: number;
}

export function completeAdmission({
  rateLimit,
  rateLimitPerClient,
  adaptive,
  ...rest
}: Section): AdmissionConfig {
  return {
    ...rest,
    adaptive: completeAdaptive(adaptive, rest.activeMax),
    rateLimit: completeRateLimit(rateLimit),
    rateLimitPerClient: completeRateLimit(rateLimitPerClient),
    clientsMax: rateLimitPerClient.clientsMax,
  };
}

export function completeRateLimit({
  requestsPerSecond,
  burst,
}: z.output<typeof rateLimitSchema>): RateLimit | undefined {
  if (requestsPerSecond === 0) return undefined;
  return { requestsPerSecond, burst: burst ?? Math.max(1, Math.ceil(requestsPerSecond)) };
}

/** What is wrong across its keys, if anything. */
export function admissionIssue({
  activeMax,
  adaptive,
  waitingMax,
}: Section): { readonly key: string; readonly message: string } | undefined {
  const issue = adaptiveIssue(adaptive, activeMax);
  if (issue !== undefined) return { ...issue, key: `adaptive.${issue.key}` };
  if (waitingMax === 0 || activeMax > 0 || adaptive.algorithm !== "off") return undefined;
  return {
    key: "waitingMax",
    message: "nobody waits where neither `activeMax` nor `adaptive` sets a limit: set one too",
  };
}
