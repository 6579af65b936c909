/**
 * The document that describes an anycast service on a graph of ASes: which graph, and where each site attaches. What a
 * person writes in a world file (YAML) and what the flags of `anycastle sim` amount to.
 */
import { z } from "zod";
import { AS_MAX, GENERATED_MAX, GENERATED_MIN, PREPENDS_MAX, SITES_MAX } from "#sim/topology/limits.ts";

const UPSTREAMS_MAX = 1_000;

const asNumber = z.int().min(1).max(AS_MAX);

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
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a site is named in lower case, digits and hyphens")
      .describe("Name of the site."),
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
      .array(z.enum(["no-export"]))
      .default([])
      .describe("Well-known communities on its route (RFC 1997)."),
    capacity: z.number().positive().optional().describe("What it can serve, in the unit of the weights."),
  })
  .refine(({ as, upstreams }) => (as === undefined) !== (upstreams === undefined), {
    message: "a site has either `as` (it is that AS) or `upstreams` (it connects to them)",
  });

export const worldDocumentSchema = z.strictObject({
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
    ])
    .describe("The graph of ASes."),
  originAs: asNumber.default(64_500).describe("AS of the service's own routers."),
  sites: z
    .array(siteSchema)
    .min(1)
    .max(SITES_MAX)
    .refine((sites) => new Set(sites.map(({ id }) => id)).size === sites.length, {
      message: "two sites have the same id",
    })
    .describe("Where the service announces its prefix."),
});

export type WorldDocument = z.infer<typeof worldDocumentSchema>;
export type SiteDocument = WorldDocument["sites"][number];
