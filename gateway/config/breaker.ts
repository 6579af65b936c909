/**
 * `breaker`: when a whole site is not asked any more for a while. Off: nodes that fail are taken out one by one, which
 * loses nobody and needs no trial. A breaker is for what no node is to blame for: a site whose every node answers 503
 * because what stands behind it is gone, and that is better left alone than asked a thousand times a second.
 */
import { z } from "zod";
import type { BreakerOptions } from "../resilience/breaker/breaker.ts";
import { GATEWAY_ERRORS } from "../resilience/failure-class.ts";

const PAGE_CHARS_MAX = 65_536;
const SITE_ROUTE = /^route_to:[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

const percent = z.int().min(1).max(100);
const waitMs = z.int().min(100).max(3_600_000);

export const breakerSchema = z.strictObject({
  mode: z
    .enum(["off", "consecutive", "rate"])
    .default("off")
    .describe("`consecutive`: so many failures in a row open it; `rate`: shares of the last calls do."),
  failureThreshold: z.int().min(1).max(10_000).default(5).describe("`consecutive`: failures in a row."),
  timeoutMs: waitMs.default(60_000).describe("`consecutive`: open for so long after the last failure."),
  failureRateThreshold: percent.default(50).describe("`rate`: percent of failed calls that open it."),
  slowCallRateThreshold: percent.default(80).describe("`rate`: percent of slow calls that open it."),
  slowCallDurationMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(5_000)
    .describe(
      "`rate`: a call without a response head after this long is slow; counted then, not at its end.",
    ),
  minimumCalls: z.int().min(1).max(10_000).default(10).describe("`rate`: fewer calls are not judged."),
  slidingWindowSize: z.int().min(1).max(10_000).default(100).describe("`rate`: calls that are looked at."),
  waitDurationInOpenMs: waitMs.default(30_000).describe("`rate`: open for so long."),
  permittedCallsInHalfOpen: z
    .int()
    .min(1)
    .max(1_000)
    .default(5)
    .describe("Calls that may try when the time is over; all others are turned away meanwhile."),
  failureStatuses: z
    .array(z.int().min(400).max(599))
    .max(50)
    .default([...GATEWAY_ERRORS])
    .describe("Answers of nodes that count as failures, beside attempts without an answer."),
  fallback: z
    .union([
      z.literal("none"),
      z.string().regex(SITE_ROUTE, "must be `none`, `route_to:SITE` or a page"),
      z.strictObject({
        status: z.int().min(200).max(599).default(503).describe("Status of the page."),
        contentType: z
          .string()
          .regex(/^[\x20-\x7e]{1,200}$/, "must be a media type")
          .default("text/html; charset=utf-8")
          .describe("Its Content-Type."),
        body: z.string().max(PAGE_CHARS_MAX).describe("The page itself."),
      }),
    ])
    .default("none")
    .describe(
      "When every site of a vantage is open: `none` (503 with Retry-After), `route_to:SITE` (this one, whatever the vantage), or a page.",
    ),
});

type Section = z.output<typeof breakerSchema>;

export interface BreakerConfig {
  /** Undefined: there are none. */
  readonly options: BreakerOptions | undefined;
  readonly failureStatuses: readonly number[];
  /** Id of a site. */
  readonly routeTo: string | undefined;
  readonly page: { readonly status: number; readonly contentType: string; readonly body: string } | undefined;
}

export function completeBreaker(section: Section): BreakerConfig {
  const { fallback, failureStatuses } = section;
  return {
    options: optionsOf(section),
    failureStatuses,
    routeTo: routeToOf(fallback),
    page: typeof fallback === "string" ? undefined : fallback,
  };
}

/** The site that a fallback names. */
export function routeToOf(fallback: Section["fallback"]): string | undefined {
  return typeof fallback === "string" && fallback !== "none" ? fallback.slice("route_to:".length) : undefined;
}

function optionsOf(section: Section): BreakerOptions | undefined {
  const { mode, failureThreshold, timeoutMs, permittedCallsInHalfOpen } = section;
  switch (mode) {
    case "off":
      return undefined;
    case "consecutive":
      return { mode, failureThreshold, timeoutMs, permittedCallsInHalfOpen };
    case "rate": {
      const { failureRateThreshold, slowCallRateThreshold, slowCallDurationMs } = section;
      const { minimumCalls, slidingWindowSize, waitDurationInOpenMs } = section;
      return {
        mode,
        failureRateThreshold,
        slowCallRateThreshold,
        slowCallDurationMs,
        minimumCalls,
        slidingWindowSize,
        waitDurationInOpenMs,
        permittedCallsInHalfOpen,
      };
    }
  }
}
