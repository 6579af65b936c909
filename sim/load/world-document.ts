/**
 * The document that describes a service on a graph of ASes: which graph, where each site attaches, from where it is
 * looked at, and how long things take. What a person writes in a world file (YAML), what the flags of `anycastle sim`
 * amount to, and what a preset is.
 */
import { z } from "zod";
import { DAMPING_NAMES } from "#sim/propagation/damping.ts";
import { TIMING_NAMES } from "#sim/propagation/timing-sets.ts";
import { AS_MAX, GENERATED_MAX, GENERATED_MIN, PREPENDS_MAX, SITES_MAX } from "#sim/topology/limits.ts";

const UPSTREAMS_MAX = 1_000;
/** A graph written into the document is one made by hand. */
const INLINE_LINKS_MAX = 10_000;
const VANTAGES_MAX = 200;
const RTT_MS_MAX = 10_000;
const DELAY_MS_MAX = 600_000;
const NODES_MAX = 8;
/** RFC 2181 §8 has 31 bits; nobody caches for longer than a week. */
const TTL_S_MAX = 604_800;

const asNumber = z.int().min(1).max(AS_MAX);
const id = (what: string): z.ZodString =>
  z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, `${what} is named in lower case, digits and hyphens`);

const coordinates = z
  .strictObject({
    latitude: z.number().min(-90).max(90).describe("Degrees north (WGS 84)."),
    longitude: z.number().min(-180).max(180).describe("Degrees east."),
  })
  .describe("Where it stands. Absent: where the built-in map has it, if it does.");

const upstream = z.union([
  asNumber.describe("A transit provider."),
  z.strictObject({
    as: asNumber.describe("The neighbour."),
    kind: z
      .enum(["transit", "peer", "ixp"])
      .default("transit")
      .describe("What it is to the site; `ixp`: a peer met at an exchange."),
  }),
]);

const siteSchema = z
  .strictObject({
    id: id("a site").describe("Name of the site."),
    as: asNumber.optional().describe("The AS of the graph that the site is; or give `upstreams`."),
    upstreams: z
      .array(upstream)
      .min(1)
      .max(UPSTREAMS_MAX)
      .optional()
      .describe("Whom the site's router, in the service's own AS, is connected to."),
    prepends: z
      .int()
      .min(0)
      .max(PREPENDS_MAX)
      .default(0)
      .describe("How often its AS is repeated beyond the once it must."),
    communities: z
      .array(z.enum(["no-export", "no-peer", "blackhole"]))
      .default([])
      .describe("Well-known communities on its route (RFC 1997, RFC 3765, RFC 7999)."),
    capacity: z.number().positive().optional().describe("What it can serve, in the unit of the weights."),
    city: z.string().min(1).max(40).optional().describe("Name of the place, for people."),
    coordinates: coordinates.optional(),
  })
  .refine(({ as, upstreams }) => (as === undefined) !== (upstreams === undefined), {
    message: "a site has either `as` (it is that AS) or `upstreams` (it connects to them)",
  });

const vantageSchema = z.strictObject({
  id: id("a vantage").describe("Name of the vantage; the first label of its host, `<id>.localhost`."),
  as: asNumber.describe("The AS of the graph that its clients are in."),
  city: z.string().min(1).max(40).optional().describe("Name of the place, for people."),
  coordinates: coordinates.optional(),
  rttMs: z
    .record(z.string(), z.number().min(0).max(RTT_MS_MAX))
    .default({})
    .describe(
      "Round-trip time to each site. Absent: as measured, where both are on the built-in map and no coordinates are " +
        "given; else from the great circle.",
    ),
});

const range = (what: string): z.ZodType<readonly [number, number]> =>
  z
    .tuple([z.number().min(0).max(DELAY_MS_MAX), z.number().min(0).max(DELAY_MS_MAX)])
    .refine(([min, max]) => min <= max, "the first is the smaller one")
    .describe(what);
const percent = z.int().min(0).max(100);

const timersSchema = z
  .union([
    z.enum(TIMING_NAMES as [string, ...string[]]).describe("A named set."),
    z.strictObject({
      delayMs: range("Time of a message on a session and in its receiver, [least, most]."),
      delayMeanMs: z
        .number()
        .positive()
        .max(DELAY_MS_MAX)
        .optional()
        .describe("Beyond the least the delay is exponential with this mean. Absent: uniform."),
      mraiMs: range("MRAI of a session, [least, most] (RFC 4271 §9.2.1.1)."),
      isMraiJittered: z
        .boolean()
        .default(false)
        .describe("Drawn anew whenever a timer starts, instead of once for each session."),
      mraiPercent: percent.default(100).describe("Share of ASes that use MRAI at all."),
      wratePercent: percent.default(0).describe("Of those, the share that holds withdrawals back too."),
      isMraiShared: z
        .boolean()
        .default(false)
        .describe(
          "The timers run all the time, for other prefixes of the session too: the first message waits as well.",
        ),
      processingMs: range("Time an AS takes for one message, one after the other, [least, most].").optional(),
      teardownMs: range(
        "Time an end of a session that is found dead is busy with it before it tells others, [least, most].",
      ).optional(),
      ssldPercent: percent
        .default(0)
        .describe("Share of ASes that look for the neighbour in a path before they send it."),
      gracefulPercent: percent
        .default(100)
        .describe("Share of ASes that honour GRACEFUL_SHUTDOWN (RFC 8326)."),
      damping: z
        .strictObject({
          set: z.enum(DAMPING_NAMES).describe("Penalties and thresholds: a vendor's, or RFC 7196's."),
          percent: percent.default(100).describe("Share of ASes that damp."),
        })
        .optional()
        .describe("Route-flap damping (RFC 2439). Absent: nobody damps."),
    }),
  ])
  .describe("Timers of the Internet. Absent: what the command asks for.");

const steeringSchema = z
  .union([
    z.enum(["anycast"]).describe("One address, announced by all; BGP decides."),
    z.strictObject({
      dns: z.strictObject({
        ttlS: z.int().min(0).max(TTL_S_MAX).describe("How long a resolver may keep an answer."),
      }),
    }),
  ])
  .describe(
    "How clients find a site. `dns`: an address for each site, and the name resolves to the nearest; only `sim compare` plays that.",
  );

const checksSchema = z
  .strictObject({
    intervalMs: z.int().min(1).max(DELAY_MS_MAX).describe("Pause between two checks."),
    timeoutMs: z.int().min(1).max(DELAY_MS_MAX).describe("A check without an answer has failed after that."),
    failures: z.int().min(1).max(100).describe("So many in a row take it out."),
  })
  .describe(
    "What a load balancer, the DNS service, or a site's router asks a server before it gives it clients: how `sim compare` " +
      "and `sim withdraw` find a death.",
  );

export const worldDocumentSchema = z
  .strictObject({
    graph: z
      .union([
        z.strictObject({
          file: z
            .string()
            .min(1)
            .describe("AS relationships of CAIDA: .txt, .gz or .bz2; relative to the world file."),
        }),
        z.strictObject({
          generate: z.strictObject({
            ases: z.int().min(GENERATED_MIN).max(GENERATED_MAX).describe("How many ASes."),
            seed: z.int().min(0).max(AS_MAX).default(1).describe("Seed of the generator."),
          }),
        }),
        z.strictObject({
          links: z
            .array(z.string().max(100))
            .min(1)
            .max(INLINE_LINKS_MAX)
            .describe("A small graph made by hand, a line of CAIDA's form each: `174|3356|0`."),
        }),
      ])
      .describe("The graph of ASes."),
    originAs: asNumber.default(64_500).describe("AS of the service's own routers."),
    sites: z
      .array(siteSchema)
      .min(1)
      .max(SITES_MAX)
      .refine(hasNoTwins, { message: "two sites have the same id" })
      .describe("Where the service announces its prefix."),
    vantages: z
      .array(vantageSchema)
      .max(VANTAGES_MAX)
      .refine(hasNoTwins, { message: "two vantages have the same id" })
      .default([])
      .describe("From where the service is looked at."),
    clients: z
      .string()
      .min(1)
      .optional()
      .describe("File of clients, `AS,weight` a line; relative to the world file."),
    timers: timersSchema.optional(),
    nodes: z
      .int()
      .min(1)
      .max(NODES_MAX)
      .optional()
      .describe("Servers at each site, for `sim compare`. Absent: two."),
    steering: steeringSchema.default("anycast"),
    checks: checksSchema.optional(),
  })
  .superRefine(({ sites, vantages }, context) => {
    const known = new Set(sites.map((site) => site.id));
    for (const [index, { rttMs }] of vantages.entries()) {
      for (const site of Object.keys(rttMs)) {
        if (known.has(site)) continue;
        const message = `there is no site "${site}"; sites are ${[...known].join(", ")}`;
        context.addIssue({ code: "custom", path: ["vantages", index, "rttMs", site], message });
      }
    }
  });

function hasNoTwins(items: readonly { readonly id: string }[]): boolean {
  return new Set(items.map((item) => item.id)).size === items.length;
}

export type WorldDocument = z.output<typeof worldDocumentSchema>;
/** As a person writes it: what has a default may be left out. */
export type WorldDocumentInput = z.input<typeof worldDocumentSchema>;
export type SiteDocument = WorldDocument["sites"][number];
export type VantageDocument = WorldDocument["vantages"][number];
export type TimersDocument = NonNullable<WorldDocument["timers"]>;
