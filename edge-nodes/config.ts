/**
 * The configuration of an edge node that no lab starts: what `anycastle node` takes from a file, the environment and
 * its options. Unknown keys are errors. Next to a node of the default world most of it can be left out: who it is in
 * BGP follows from its id.
 */
import { z } from "zod";
import { BFD_DEFAULTS } from "#bgp/bfd/defaults.ts";
import { parseIpv4, parsePrefix } from "#bgp/messages.ts";
import { nodeIdentity, ROUTER_AS, SERVICE_PREFIX, type NodeIdentity } from "#core/cast-identities.ts";
import { SITES } from "#core/geography/cities.ts";
import type { NodeBgpConfig, NodeConfig } from "#core/wire/cast.ts";

const ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const HOST_PORT = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/;
const AS_MAX = 4_294_967_294;
/** Nodes of each site of the default world, by which AS numbers are counted. */
const DEFAULT_NODES_PER_SITE = 2;

const id = (what: string) =>
  z
    .string()
    .regex(ID, `${what} is lower-case letters, digits and hyphens, at most 64`)
    .describe(`Id of ${what}: lower-case letters, digits, hyphens.`);
const hostPort = (portMin: number) =>
  z.string().refine((text) => {
    const port = Number(HOST_PORT.exec(text)?.[1] ?? Number.NaN);
    return port >= portMin && port <= 65_535;
  }, `must be host:port, the port ${portMin} to 65535`);
const asNumber = z.int().min(1).max(AS_MAX);
const ipv4 = z.string().refine((text) => isRead(parseIpv4, text), "must be an IPv4 address, 192.0.2.1");

const port = z.int().min(1).max(65_535);

const bfdSchema = z.strictObject({
  address: ipv4.optional().describe("Own address BFD speaks from and listens at. Absent: `nextHop`."),
  port: port.default(BFD_DEFAULTS.port).describe("Own port."),
  sourcePort: port
    .default(BFD_DEFAULTS.sourcePort)
    .describe("Port that packets leave from; RFC 5881 §4 wants 49152 or more."),
  router: ipv4.optional().describe("Address of the router's BFD. Absent: the host of `bgp.router`."),
  routerPort: port.default(BFD_DEFAULTS.port).describe("Port of the router's BFD."),
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
    .describe("Intervals of silence after which the router counts this node as gone."),
});

const bgpSchema = z.strictObject({
  router: hostPort(1).describe("Router that the session goes to: host:port; real routers listen on 179."),
  routerAs: asNumber.default(ROUTER_AS).describe("AS number of that router; any other is refused."),
  localAs: asNumber
    .optional()
    .describe("AS number of the node. Absent: that of the default world's node of this id."),
  nextHop: ipv4
    .optional()
    .describe("Next hop of the route: an address of this node. Absent: as for `localAs`."),
  bgpId: ipv4.optional().describe("BGP identifier. Absent: as for `localAs`, else `nextHop`."),
  prefix: z
    .string()
    .refine((text) => isRead(parsePrefix, text), "must be an IPv4 prefix, 203.0.113.0/24")
    .default(SERVICE_PREFIX)
    .describe("Service prefix that is announced."),
  holdTimeS: z
    .int()
    .min(0)
    .max(65_535)
    .refine((seconds) => seconds === 0 || seconds >= 3, "must be 0 (none) or at least 3 (RFC 4271 §4.2)")
    .default(9)
    .describe("Hold time offered; the smaller of both sides' counts. 0: the session never times out."),
  connectRetryMs: z
    .int()
    .min(10)
    .max(600_000)
    .default(1_000)
    .describe("Pause before a lost or refused session is tried again."),
  bfd: bfdSchema
    .optional()
    .describe(
      "BFD with the router (RFC 5880); `{}` takes the defaults. Absent: the hold time finds a silent end.",
    ),
});

export const nodeSchema = z
  .strictObject({
    id: id("the node"),
    site: id("the site")
      .optional()
      .describe("Site the node belongs to, named in `x-edge-route`. Absent: `id` without its number."),
    listen: hostPort(0).default("127.0.0.1:9001").describe("Where HTTP is served; port 0 takes a free one."),
    thinkTimeMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(0)
      .describe("Time a page takes to make, as if an application stood behind the node."),
    drain: z
      .strictObject({
        quietMs: z
          .int()
          .min(0)
          .max(600_000)
          .default(500)
          .describe("A leaving node serves until nobody has asked for this long ..."),
        maxMs: z.int().min(0).max(600_000).default(5_000).describe("... and no longer than this."),
      })
      .prefault({}),
    bgp: bgpSchema.optional().describe("Absent: the node serves HTTP only and announces nothing."),
  })
  .superRefine((document, context) => {
    const { bgp } = document;
    if (bgp === undefined) return;
    const known = defaultIdentity(document.id);
    if (bgp.bfd !== undefined && bgp.bfd.router === undefined && !isIpv4(splitHostPort(bgp.router).host)) {
      const message =
        "must name the router's IPv4 address: `bgp.router` has a name, and BFD looks nothing up";
      context.addIssue({ code: "custom", path: ["bgp", "bfd", "router"], message });
    }
    for (const key of ["localAs", "nextHop"] as const) {
      if (bgp[key] !== undefined || known !== undefined) continue;
      const message = `"${key}" is missing: "${document.id}" is no node of the default world, such as ny1-1`;
      context.addIssue({ code: "custom", path: ["bgp", key], message });
    }
  })
  .describe("Anycastle edge node");

export function nodeConfigOf(document: z.output<typeof nodeSchema>): NodeConfig {
  const { id: node, bgp, listen, thinkTimeMs, drain } = document;
  const { host, port } = splitHostPort(listen);
  const base: NodeConfig = {
    process: "node",
    node,
    site: document.site ?? node.replace(/-\d+$/, ""),
    host,
    httpPort: port,
    thinkTimeMs,
    drain,
  };
  if (bgp === undefined) return base;
  const known = defaultIdentity(node);
  const router = splitHostPort(bgp.router);
  const nextHop = bgp.nextHop ?? known!.nextHop;
  return {
    ...base,
    bgp: {
      routerHost: router.host,
      routerPort: router.port,
      localAs: bgp.localAs ?? known!.as,
      routerAs: bgp.routerAs,
      bgpId: bgp.bgpId ?? known?.bgpId ?? nextHop,
      prefix: bgp.prefix,
      nextHop,
      holdTimeS: bgp.holdTimeS,
      connectRetryMs: bgp.connectRetryMs,
      ...(bgp.bfd !== undefined && { bfd: bfdOf(bgp.bfd, nextHop, router.host) }),
    },
  };
}

function bfdOf(
  bfd: z.output<typeof bfdSchema>,
  nextHop: string,
  routerHost: string,
): NonNullable<NodeBgpConfig["bfd"]> {
  return {
    host: bfd.address ?? nextHop,
    port: bfd.port,
    sourcePort: bfd.sourcePort,
    desiredMinTxMs: bfd.intervalMs,
    requiredMinRxMs: bfd.intervalMs,
    detectMultiplier: bfd.detectMultiplier,
    router: { host: bfd.router ?? routerHost, port: bfd.routerPort },
  };
}

/** Of `ny1-1` and `ny1-2`, and so on for each site of the default world. */
function defaultIdentity(node: string): NodeIdentity | undefined {
  const match = /^(.+)-([1-9]\d*)$/.exec(node);
  const siteIndex = SITES.findIndex(({ site }) => site === match?.[1]);
  const index = Number(match?.[2]) - 1;
  if (siteIndex < 0 || index >= DEFAULT_NODES_PER_SITE) return undefined;
  return nodeIdentity(SITES[siteIndex]!.site, siteIndex, index, DEFAULT_NODES_PER_SITE);
}

function splitHostPort(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}

function isIpv4(text: string): boolean {
  return isRead(parseIpv4, text);
}

function isRead(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
