/**
 * Who is in the cast and where: ports, AS numbers and BGP identifiers of a lab, worked out once. Restarts reuse them,
 * and the gateway's list of nodes is made from them; nobody reports a death to the gateway.
 */
import { SITES } from "#core/geography/cities.ts";
import { vantageIds } from "#core/geography/rtt.ts";
import type { NodeConfig, SimConfig } from "#core/wire/cast.ts";
import { urlHost } from "./http-url.ts";
import { freePorts } from "./ports.ts";

/** AS of the service at all nine routers, of RFC 6996's 16-bit private range. */
const ORIGIN_AS = 64_500;
/** The first node's AS; of RFC 6996's 32-bit private range, so that every session needs 4-octet AS numbers. */
const NODE_AS_FIRST = 4_200_000_001;
/** Documentation prefix (RFC 5737). */
const PREFIX = "203.0.113.0/24";
const NEXT_HOP_FIRST = 1;
/** Sessions of a restarted simulator come back this soon. */
const CONNECT_RETRY_MS = 250;

export interface CastSettings {
  readonly seed: number;
  readonly mode: "nearest" | "anycast" | "anycast-only";
  readonly nodesPerSite: number;
  readonly holdTimeS: number;
  readonly thinkTimeMs: number;
  readonly drain: { readonly quietMs: number; readonly maxMs: number };
  /** Address at which clients reach the gateway. */
  readonly gatewayHost: string;
  readonly gatewayPort: number;
}

export interface CastPlan {
  readonly sim: SimConfig;
  readonly nodes: readonly NodeConfig[];
  /** The gateway's configuration, as a person would write it. */
  readonly gatewayDocument: unknown;
  readonly gatewayAdminUrl: string;
}

const HOST = "127.0.0.1";

export async function planCast(settings: CastSettings): Promise<CastPlan> {
  const nodeCount = SITES.length * settings.nodesPerSite;
  const ports = await freePorts(HOST, nodeCount + SITES.length + 2);
  const [simPort, adminPort, ...rest] = ports as [number, number, ...number[]];
  const routerPorts = rest.slice(0, SITES.length);
  const nodePorts = rest.slice(SITES.length);
  const nodes: NodeConfig[] = [];
  const routers: SimConfig["routers"][number][] = [];
  for (const [siteIndex, { site }] of SITES.entries()) {
    const routerPort = routerPorts[siteIndex]!;
    const ofSite = Array.from({ length: settings.nodesPerSite }, (_, index) =>
      planNode(settings, site, siteIndex, index, routerPort, nodePorts[nodes.length + index]!),
    );
    nodes.push(...ofSite);
    routers.push({
      site,
      port: routerPort,
      as: ORIGIN_AS,
      bgpId: `10.0.0.${siteIndex + 1}`,
      peers: ofSite.map(({ node, bgp }) => ({ node, as: bgp!.localAs, bgpId: bgp!.bgpId })),
    });
  }
  const sim: SimConfig = {
    process: "sim",
    seed: settings.seed,
    host: HOST,
    httpPort: simPort,
    holdTimeS: settings.holdTimeS,
    prefix: PREFIX,
    routers,
  };
  return {
    sim,
    nodes,
    gatewayDocument: gatewayDocument(settings, nodes, simPort, adminPort),
    gatewayAdminUrl: `http://${HOST}:${adminPort}`,
  };
}

function planNode(
  settings: CastSettings,
  site: string,
  siteIndex: number,
  index: number,
  routerPort: number,
  httpPort: number,
): NodeConfig {
  const ordinal = siteIndex * settings.nodesPerSite + index;
  return {
    process: "node",
    node: `${site}-${index + 1}`,
    site,
    host: HOST,
    httpPort,
    thinkTimeMs: settings.thinkTimeMs,
    bgp: {
      routerHost: HOST,
      routerPort,
      localAs: NODE_AS_FIRST + ordinal,
      routerAs: ORIGIN_AS,
      bgpId: `10.1.${siteIndex + 1}.${index + 1}`,
      prefix: PREFIX,
      nextHop: `203.0.113.${NEXT_HOP_FIRST + ordinal}`,
      holdTimeS: settings.holdTimeS,
      connectRetryMs: CONNECT_RETRY_MS,
    },
    drain: settings.drain,
  };
}

function gatewayDocument(
  settings: CastSettings,
  nodes: readonly NodeConfig[],
  simPort: number,
  adminPort: number,
): unknown {
  return {
    listen: `${urlHost(settings.gatewayHost)}:${settings.gatewayPort}`,
    admin: `${HOST}:${adminPort}`,
    sites: SITES.map(({ site }) => ({
      id: site,
      nodes: nodes
        .filter((node) => node.site === site)
        .map(({ node, host, httpPort }) => ({ id: node, url: `http://${host}:${httpPort}` })),
    })),
    routing: { mode: settings.mode, vantages: vantageIds(), defaultVantage: "new-york" },
    catchment: { feed: `http://${HOST}:${simPort}/v1/catchments` },
    health: { profile: "demo", path: "/health/ready" },
    wan: { emulate: true },
  };
}
