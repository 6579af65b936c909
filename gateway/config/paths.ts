/** `paths`: what is different for some requests. */
import { z } from "zod";
import type { RateLimit } from "../admission/rate-limiter.ts";
import type { PathPattern } from "../routing/path-patterns.ts";
import { readHashBy } from "../routing/request-key.ts";
import { WHOLE_SHARE, type SubsetChoice } from "../routing/subset-choice.ts";
import { TIERS, TIER_DEFAULT } from "../admission/waiting-line.ts";
import { completeRateLimit, rateLimitSchema } from "./admission.ts";
import { id } from "./id.ts";

const SEGMENT = "[A-Za-z0-9._~:@!$&'()+,;=%-]*";
/** One `*` in a segment at most, and `**` only as the whole last one. */
const PATTERN = new RegExp(`^(?:/${SEGMENT}(?:\\*${SEGMENT})?)*(?:/\\*\\*)?$`);
const METHOD = /^[A-Z]{1,32}$/;
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;
const PATTERNS_MAX = 1_000;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}";
const NAMED_BY = new RegExp(`^(header|cookie):${TOKEN}$`);
const SPLIT_BY = new RegExp(`^(ip|(header|cookie):${TOKEN})$`);
const PARTS_MAX = 16;
const SHARES_OF_PERCENT = WHOLE_SHARE / 100;

const partSchema = z.strictObject({
  subset: z.string().describe("Id of a subset."),
  percent: z
    .number()
    .min(0)
    .max(100)
    .multipleOf(1 / SHARES_OF_PERCENT, "goes by hundredths of a percent")
    .describe("Share of the clients, in hundredths; all together 100. 0: only who names it."),
});

const pathSchema = z.strictObject({
  id: id("the pattern"),
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
  subset: z
    .string()
    .optional()
    .describe("Id of the subset whose nodes are asked. Absent, without `split` too: all nodes are."),
  split: z
    .array(partSchema)
    .min(1)
    .max(PARTS_MAX)
    .optional()
    .describe(
      "In place of `subset`: so many percent of the clients are for each. A client stays where it is, also when the first share grows.",
    ),
  splitBy: z
    .string()
    .regex(SPLIT_BY, "must be `ip`, `header:NAME` or `cookie:NAME`")
    .optional()
    .describe("How a client of `split` is known again; without it, or where it is missing: by its address."),
  subsetBy: z
    .string()
    .regex(NAMED_BY, "must be `header:NAME` or `cookie:NAME`")
    .optional()
    .describe(
      "A field or cookie that may name one of the subsets of `split`; anything else in it is ignored.",
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

/** `siteIds` and `subsetIds`: as they are numbered. */
export function completePaths(
  sections: z.output<typeof pathsSchema>,
  siteIds: readonly string[],
  subsetIds: readonly string[],
): PathsConfig {
  const rateLimits = new Map<string, RateLimit>();
  for (const section of sections) {
    const limit = completeRateLimit(section.rateLimit);
    if (limit !== undefined) rateLimits.set(section.id, limit);
  }
  return {
    rateLimits,
    patterns: sections.map((section) => ({
      id: section.id,
      match: section.match,
      methods: section.methods,
      hosts: section.hosts,
      sites:
        section.sites === undefined ? undefined : new Set(section.sites.map((site) => siteIds.indexOf(site))),
      subset: completeChoice(section, subsetIds),
      retryNonIdempotent: section.retryNonIdempotent,
      isHedged: section.isHedged,
      tier: section.tier,
      isSampled: section.isSampled,
      isCached: section.isCached,
    })),
  };
}

function completeChoice(
  { subset, split, splitBy, subsetBy }: z.output<typeof pathSchema>,
  subsetIds: readonly string[],
): SubsetChoice | undefined {
  const parts = subset === undefined ? split : [{ subset, percent: 100 }];
  if (parts === undefined) return undefined;
  return {
    split: parts.map((part) => ({
      id: part.subset,
      subset: subsetIds.indexOf(part.subset),
      share: Math.round(part.percent * SHARES_OF_PERCENT),
    })),
    splitBy: readHashBy(splitBy ?? "ip"),
    namedBy: subsetBy === undefined ? undefined : readHashBy(subsetBy),
  };
}

/** What does not fit together within a pattern, and subsets that there are not; `sitesOf`: where each has nodes. */
export function pathIssues(
  { sites, split, splitBy, subset, subsetBy }: z.output<typeof pathSchema>,
  subsetIds: readonly string[],
  sitesOf: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): { readonly path: string; readonly message: string }[] {
  const named = [
    ...(subset === undefined ? [] : [{ path: "subset", subsetId: subset }]),
    ...(split ?? []).map((part, index) => ({ path: `split.${index}.subset`, subsetId: part.subset })),
  ];
  const issues = named.flatMap(({ path, subsetId }, index) => {
    if (!subsetIds.includes(subsetId)) {
      const known = subsetIds.length === 0 ? "`subsets` is empty" : `subsets are ${subsetIds.join(", ")}`;
      return [{ path, message: `there is no subset "${subsetId}": ${known}` }];
    }
    if (named.findIndex((other) => other.subsetId === subsetId) !== index && path !== "subset")
      return [{ path, message: `subset "${subsetId}" stands here twice` }];
    if (
      sites === undefined ||
      sitesOf === undefined ||
      sites.some((site) => sitesOf.get(subsetId)!.has(site))
    )
      return [];
    return [
      { path, message: `subset "${subsetId}" has no node at the sites of this pattern, ${sites.join(", ")}` },
    ];
  });
  if (subset !== undefined && split !== undefined)
    issues.push({ path: "split", message: "there is a `subset` beside it: leave one of them out" });
  if (split === undefined && splitBy !== undefined)
    issues.push({ path: "splitBy", message: "there is no `split` to go by it" });
  if (split === undefined && subsetBy !== undefined)
    issues.push({ path: "subsetBy", message: "only subsets of a `split` may be named: there is none" });
  const sum = (split ?? []).reduce((all, { percent }) => all + Math.round(percent * SHARES_OF_PERCENT), 0);
  if (split !== undefined && sum !== WHOLE_SHARE)
    issues.push({ path: "split", message: `its percents sum to ${sum / SHARES_OF_PERCENT}, not to 100` });
  return issues;
}
