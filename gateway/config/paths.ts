/** `paths`: what is different for some requests. */
import { z } from "zod";
import type { RateLimit } from "../admission/rate-limiter.ts";
import type { PathPattern } from "../routing/path-patterns.ts";
import { TIERS, TIER_DEFAULT } from "../admission/waiting-line.ts";
import { completeRateLimit, rateLimitSchema } from "./admission.ts";

const ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const SEGMENT = "[A-Za-z0-9._~:@!$&'()+,;=%-]*";
/** One `*` in a segment at most, and `**` only as the whole last one. */
const PATTERN = new RegExp(`^(?:/${SEGMENT}(?:\\*${SEGMENT})?)*(?:/\\*\\*)?$`);
const METHOD = /^[A-Z]{1,32}$/;
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;
const PATTERNS_MAX = 1_000;

const pathSchema = z.strictObject({
  id: z
    .string()
    .regex(ID, "Id of a path pattern is lower-case letters, digits and hyphens, at most 64")
    .describe("Id of the pattern: lower-case letters, digits, hyphens."),
  match: z
    .array(
      z
        .string()
        .max(1_024)
        .regex(
          PATTERN,
          "must be a path from / on, with one * in a segment at most, and ** only at its end: /api/**, /img/*.png",
        ),
    )
    .min(1)
    .max(100)
    .describe(
      "Paths, without a query; `*`: anything within a segment, `/**` at the end: that and all below. The first pattern that fits counts.",
    ),
  methods: z
    .array(z.string().regex(METHOD, "must be a method in capitals"))
    .max(32)
    .default([])
    .describe("Of these methods; empty: any."),
  hosts: z
    .array(z.string().regex(HOST, "must be a host in lower case, without a port"))
    .max(100)
    .default([])
    .describe("For these hosts; empty: any."),
  sites: z
    .array(z.string())
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      "Asked at these sites alone, in the order of the vantage; absent: at all. A pool of nodes is a site.",
    ),
  rateLimit: rateLimitSchema.prefault({}),
  retryNonIdempotent: z
    .boolean()
    .optional()
    .describe("In place of `retry.nonIdempotent`: these nodes tell repeats apart."),
  isHedged: z.boolean().optional().describe("In place of `hedge.isEnabled`."),
  tier: z
    .enum(TIERS)
    .default(TIER_DEFAULT)
    .describe(
      "With `admission.waitingMax`: those of a better tier (P0 is the best) wait before the others, and take their places when the line is full.",
    ),
  isSampled: z
    .boolean()
    .default(true)
    .describe("`false`: what these take tells nothing of the load (`admission.adaptive`): long polls."),
  isCached: z.boolean().default(true).describe("`false`: with `cache` too, each is asked of a node."),
});

export const pathsSchema = z
  .array(pathSchema)
  .max(PATTERNS_MAX)
  .default([])
  .describe("What is different for some requests; the first pattern that fits counts.");

export interface PathsConfig {
  readonly patterns: readonly PathPattern[];
  /** By the pattern's id. */
  readonly rateLimits: ReadonlyMap<string, RateLimit>;
}

/** `siteIds`: as they are numbered. */
export function completePaths(
  sections: z.output<typeof pathsSchema>,
  siteIds: readonly string[],
): PathsConfig {
  const rateLimits = new Map<string, RateLimit>();
  for (const { id, rateLimit } of sections) {
    const limit = completeRateLimit(rateLimit);
    if (limit !== undefined) rateLimits.set(id, limit);
  }
  return {
    rateLimits,
    patterns: sections.map(({ rateLimit: _limit, sites, retryNonIdempotent, isHedged, ...section }) => ({
      ...section,
      retryNonIdempotent,
      isHedged,
      sites: sites === undefined ? undefined : new Set(sites.map((id) => siteIds.indexOf(id))),
    })),
  };
}
