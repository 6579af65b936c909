/**
 * The configuration of a simulator that no lab starts: what `anycastle sim serve` takes from a file, the environment
 * and its options. Unknown keys are errors. Without any, it has a router for each of the nine sites of the default
 * world, which know the two nodes that `anycastle node` starts for the site's id.
 */
import { z } from "zod";
import { BFD_DEFAULTS } from "#bgp/bfd/defaults.ts";
import { parseIpv4, parsePrefix } from "#bgp/messages.ts";
import { nodeIdentity, ROUTER_AS, routerBgpId, SERVICE_PREFIX } from "#core/cast-identities.ts";
import { SITES } from "#core/geography/cities.ts";
import type { BfdConfig, RouterConfig, SimConfig } from "#core/wire/cast.ts";
import type { LiveWorld } from "#core/wire/world.ts";

const LISTEN = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/;
const AS_MAX = 4_294_967_294;
const PORT_MAX = 65_535;
/** The routers of the default world listen from here on, in the order of their sites. */
const ROUTER_PORT_FIRST = 1791;
const DEFAULT_NODES_PER_SITE = 2;
const SITES_MAX = 64;
const PEERS_MAX = 64;

const siteNames = SITES.map(({ site }) => site);
const ipv4 = z.string().refine((text) => isRead(parseIpv4, text), "must be an IPv4 address, 192.0.2.1");
const asNumber = z.int().min(1).max(AS_MAX);

const udpPort = z.int().min(1).max(PORT_MAX);

const peerBfdSchema = z.strictObject({
  address: ipv4.describe("Address of the node's BFD."),
  port: udpPort.default(BFD_DEFAULTS.port).describe("Port of the node's BFD."),
});

const routerBfdSchema = z.strictObject({
  address: ipv4
    .optional()
    .describe("Own address BFD speaks from and listens at. Absent: the host of `listen`."),
  port: udpPort.default(BFD_DEFAULTS.port).describe("Own port."),
  sourcePort: udpPort
    .default(BFD_DEFAULTS.sourcePort)
    .describe("Port that packets leave from; RFC 5881 §4 wants 49152 or more."),
  intervalMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(BFD_DEFAULTS.intervalMs)
    .describe("How often this side would send and can receive; the slower of both sides counts."),
  detectMultiplier: z
    .int()
    .min(1)
    .max(255)
    .default(BFD_DEFAULTS.detectMultiplier)
    .describe("Intervals of silence after which a node counts this router as gone."),
});

const peerSchema = z.strictObject({
  node: z.string().min(1).max(64).describe("Id of the node, as the gateway knows it."),
  as: asNumber.describe("AS number of the node."),
  bgpId: ipv4.describe("BGP identifier of the node; AS and identifier together are how it is known."),
  bfd: peerBfdSchema
    .optional()
    .describe("BFD with this node. Absent, or without the router's own `bfd`: none."),
});

const routerSchema = z.strictObject({
  site: z
    .enum(siteNames as [string, ...string[]])
    .describe("Site of the default world that the router stands at."),
  port: z
    .int()
    .min(0)
    .max(PORT_MAX)
    .describe("Port its nodes connect to, on the host of `listen`; 0 takes a free one."),
  as: asNumber.default(ROUTER_AS).describe("AS number of the router."),
  bgpId: ipv4
    .optional()
    .describe("BGP identifier of the router. Absent: that of the default world's router."),
  bfd: routerBfdSchema
    .optional()
    .describe("BFD with those nodes that have `bfd` (RFC 5880); `{}` takes the defaults."),
  peers: z
    .array(peerSchema)
    .min(1)
    .max(PEERS_MAX)
    .describe("Nodes the router knows; others get the OPEN error of the RFC."),
});

export const simSchema = z
  .strictObject({
    listen: z
      .string()
      .refine((text) => Number(LISTEN.exec(text)?.[1] ?? Number.NaN) <= PORT_MAX, "must be host:port")
      .default("127.0.0.1:8083")
      .describe("Where the catchment feed and the status are served; the routers listen on the same host."),
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .optional()
      .describe("Seed of every delay that is drawn. Absent: a fresh one, which is told."),
    prefix: z
      .string()
      .refine((text) => isRead(parsePrefix, text), "must be an IPv4 prefix, 203.0.113.0/24")
      .default(SERVICE_PREFIX)
      .describe("Service prefix; what else nodes announce is ignored."),
    holdTimeS: z
      .int()
      .min(0)
      .max(65_535)
      .refine((seconds) => seconds === 0 || seconds >= 3, "must be 0 (none) or at least 3 (RFC 4271 §4.2)")
      .default(9)
      .describe("Hold time offered to nodes; the smaller of both sides' counts. 0: sessions never time out."),
    routers: z
      .array(routerSchema)
      .min(1)
      .max(SITES_MAX)
      .optional()
      .describe("Routers of the sites. Absent: all nine, at ports 1791 to 1799, with two nodes each."),
  })
  .superRefine(({ routers, listen }, context) => {
    for (const [index, router] of (routers ?? []).entries()) {
      if (router.bfd === undefined || router.bfd.address !== undefined) continue;
      if (isRead(parseIpv4, hostOf(listen)) && hostOf(listen) !== "0.0.0.0") continue;
      const message = "must name an own IPv4 address: the host of `listen` is none, and BFD speaks from one";
      context.addIssue({ code: "custom", path: ["routers", index, "bfd", "address"], message });
    }
    for (const [index, message] of clashesOf(routers ?? [])) {
      context.addIssue({ code: "custom", path: ["routers", index], message });
    }
  })
  .describe("Anycastle simulator");

/** `freshSeed` is used where the document has none. Without `routers` each site of the world has one. */
export function simConfigOf(
  document: z.output<typeof simSchema>,
  freshSeed: number,
  world?: LiveWorld,
): SimConfig {
  const { listen, prefix, holdTimeS } = document;
  const colon = listen.lastIndexOf(":");
  const host = hostOf(listen);
  return {
    process: "sim",
    seed: document.seed ?? freshSeed,
    host,
    httpPort: Number(listen.slice(colon + 1)),
    holdTimeS,
    prefix,
    routers:
      document.routers?.map((router) => routerOf(router, host)) ??
      SITES.map(({ site }, index) => defaultRouter(site, index)).filter(
        ({ site }) => world === undefined || world.sites.some((each) => each.site === site),
      ),
    ...(world === undefined ? {} : { world }),
  };
}

function routerOf(
  { bgpId, bfd, peers, ...router }: z.output<typeof routerSchema>,
  host: string,
): RouterConfig {
  return {
    ...router,
    bgpId: bgpId ?? routerBgpId(siteNames.indexOf(router.site)),
    ...(bfd !== undefined && { bfd: bfdOf(bfd, host) }),
    peers: peers.map(({ bfd: peerBfd, ...peer }) => ({
      ...peer,
      ...(peerBfd !== undefined && { bfd: { host: peerBfd.address, port: peerBfd.port } }),
    })),
  };
}

function bfdOf(bfd: z.output<typeof routerBfdSchema>, host: string): BfdConfig {
  return {
    host: bfd.address ?? host,
    port: bfd.port,
    sourcePort: bfd.sourcePort,
    desiredMinTxMs: bfd.intervalMs,
    requiredMinRxMs: bfd.intervalMs,
    detectMultiplier: bfd.detectMultiplier,
  };
}

function hostOf(listen: string): string {
  return listen.slice(0, listen.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

function defaultRouter(site: string, siteIndex: number): RouterConfig {
  return {
    site,
    port: ROUTER_PORT_FIRST + siteIndex,
    as: ROUTER_AS,
    bgpId: routerBgpId(siteIndex),
    peers: Array.from({ length: DEFAULT_NODES_PER_SITE }, (_, index) => {
      const { node, as, bgpId } = nodeIdentity(site, siteIndex, index, DEFAULT_NODES_PER_SITE);
      return { node, as, bgpId };
    }),
  };
}

/** What no two routers, and no two peers of one, may share; told at the later one. */
function clashesOf(routers: readonly z.output<typeof routerSchema>[]): [index: number, message: string][] {
  const clashes: [number, string][] = [];
  const sites = new Set<string>();
  const ports = new Set<number>();
  for (const [index, { site, port, peers }] of routers.entries()) {
    if (sites.has(site)) clashes.push([index, `site "${site}" has a router already`]);
    if (port !== 0 && ports.has(port)) clashes.push([index, `port ${port} is another router's already`]);
    sites.add(site);
    ports.add(port);
    if (new Set(peers.map(({ as, bgpId }) => `${as}/${bgpId}`)).size < peers.length) {
      clashes.push([index, `two peers of "${site}" have the same AS and BGP identifier`]);
    }
  }
  return clashes;
}

function isRead(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
