/**
 * Who is in the cast and where: ports, AS numbers and BGP identifiers of a lab, worked out once. Restarts reuse them,
 * and the gateway's list of nodes is made from them; nobody reports a death to the gateway.
 */
import { invariant } from "#core/assert.ts";
import { nodeIdentity, ROUTER_AS, routerBgpId, SERVICE_PREFIX } from "#core/cast-identities.ts";
import { routerMultiplier, type BfdSettings } from "#core/detection.ts";
import { SITES } from "#core/geography/cities.ts";
import { DEFAULT_PLACES } from "#core/geography/places.ts";
import type { BfdConfig, BfdPeer, NodeConfig, RelayConfig, SimConfig } from "#core/wire/cast.ts";
import type { LivePlaces, LiveWorld } from "#core/wire/world.ts";
import { urlHost } from "./http-url.ts";
import { freePorts } from "./ports.ts";

/** Sessions of a restarted simulator come back this soon. */
const CONNECT_RETRY_MS = 250;

export interface CastSettings {
  readonly seed: number;
  readonly mode: "nearest" | "anycast" | "anycast-only";
  readonly nodesPerSite: number;
  readonly holdTimeS: number;
  /** Undefined: no BFD. */
  readonly bfd: BfdSettings | undefined;
  readonly thinkTimeMs: number;
  readonly drain: { readonly quietMs: number; readonly maxMs: number };
  /** Address at which clients reach the gateway. */
  readonly gatewayHost: string;
  readonly gatewayPort: number;
  /** Absent: the default world. Its sites are some of the default ones. */
  readonly world?: LiveWorld;
  /** Port of the relay's API on loopback; absent: there is no relay, and the gateway reaches the nodes themselves. */
  readonly relayPort?: number;
}

export interface CastPlan {
  readonly sim: SimConfig;
  /** Stands at the addresses by which the gateway knows the nodes; the nodes are at others then. */
  readonly relay?: RelayConfig;
  readonly nodes: readonly NodeConfig[];
  /** The gateway's configuration, as a person would write it. */
  readonly gatewayDocument: unknown;
  readonly gatewayAdminUrl: string;
}

const HOST = "127.0.0.1";
const DEFAULT_VANTAGE = "new-york";

export async function planCast(settings: CastSettings): Promise<CastPlan> {
  const places: LivePlaces = settings.world ?? DEFAULT_PLACES;
  const { sites } = places;
  const nodeCount = sites.length * settings.nodesPerSite;
  const relayCount = settings.relayPort === undefined ? 0 : nodeCount;
  const ports = await freePorts(HOST, nodeCount + relayCount + sites.length + 2);
  const [simPort, adminPort, ...rest] = ports as [number, number, ...number[]];
  const routerPorts = rest.slice(0, sites.length);
  const nodePorts = rest.slice(sites.length, sites.length + nodeCount);
  const relayPorts = rest.slice(sites.length + nodeCount);
  // A packet that does not know its session is for the one whose port it came from, so each side sends from its own.
  const bfdPorts = settings.bfd === undefined ? [] : await freePorts(HOST, nodeCount + sites.length, "udp");
  const routerBfdPorts = bfdPorts.slice(0, sites.length);
  const nodeBfdPorts = bfdPorts.slice(sites.length);
  const nodes: NodeConfig[] = [];
  const routers: SimConfig["routers"][number][] = [];
  for (const [position, { site }] of sites.entries()) {
    // Its numbers are the site's own, whichever others are there.
    const siteIndex = SITES.findIndex((known) => known.site === site);
    invariant(siteIndex !== -1, `the cast has no site ${site}`);
    const routerPort = routerPorts[position]!;
    const routerBfd = planBfd(settings, routerBfdPorts[position], routerMultiplier);
    const ofSite = Array.from({ length: settings.nodesPerSite }, (_, index) => {
      const ordinal = nodes.length + index;
      const node = planNode(settings, site, siteIndex, index, routerPort, nodePorts[ordinal]!);
      const nodeBfd = planBfd(settings, nodeBfdPorts[ordinal], ({ multiplier }) => multiplier);
      return withBfd(node, nodeBfd, routerBfd);
    });
    nodes.push(...ofSite);
    routers.push({
      site,
      port: routerPort,
      as: ROUTER_AS,
      bgpId: routerBgpId(siteIndex),
      ...(routerBfd === undefined ? {} : { bfd: routerBfd }),
      peers: ofSite.map(({ node, bgp }) => ({
        node,
        as: bgp!.localAs,
        bgpId: bgp!.bgpId,
        ...(bgp!.bfd === undefined ? {} : { bfd: placeOf(bgp!.bfd) }),
      })),
    });
  }
  const sim: SimConfig = {
    process: "sim",
    seed: settings.seed,
    host: HOST,
    httpPort: simPort,
    holdTimeS: settings.holdTimeS,
    prefix: SERVICE_PREFIX,
    routers,
    ...(settings.world === undefined ? {} : { world: settings.world }),
  };
  const relay = planRelay(settings, nodes, relayPorts);
  const doors = relay === undefined ? nodes.map(doorOf) : relay.proxies.map(({ listen }) => listen);
  return {
    sim,
    ...(relay === undefined ? {} : { relay }),
    nodes,
    gatewayDocument: gatewayDocument(settings, places, nodes, doors, simPort, adminPort),
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
  const identity = nodeIdentity(site, siteIndex, index, settings.nodesPerSite);
  return {
    process: "node",
    node: identity.node,
    site,
    host: HOST,
    httpPort,
    thinkTimeMs: settings.thinkTimeMs,
    bgp: {
      routerHost: HOST,
      routerPort,
      localAs: identity.as,
      routerAs: ROUTER_AS,
      bgpId: identity.bgpId,
      prefix: SERVICE_PREFIX,
      nextHop: identity.nextHop,
      holdTimeS: settings.holdTimeS,
      connectRetryMs: CONNECT_RETRY_MS,
    },
    drain: settings.drain,
  };
}

function planRelay(
  { seed, relayPort }: CastSettings,
  nodes: readonly NodeConfig[],
  ports: readonly number[],
): RelayConfig | undefined {
  if (relayPort === undefined) return undefined;
  const proxies = nodes.map((node, index) => ({
    name: node.node,
    listen: `${HOST}:${ports[index]}`,
    upstream: doorOf(node),
  }));
  return { process: "relay", seed, apiHost: HOST, apiPort: relayPort, proxies };
}

function doorOf({ host, httpPort }: NodeConfig): string {
  return `${host}:${httpPort}`;
}

function planBfd(
  { bfd }: CastSettings,
  port: number | undefined,
  multiplierOf: (bfd: BfdSettings) => number,
): BfdConfig | undefined {
  if (bfd === undefined || port === undefined) return undefined;
  const { intervalMs } = bfd;
  return {
    host: HOST,
    port,
    desiredMinTxMs: intervalMs,
    requiredMinRxMs: intervalMs,
    detectMultiplier: multiplierOf(bfd),
  };
}

function withBfd(node: NodeConfig, own: BfdConfig | undefined, router: BfdConfig | undefined): NodeConfig {
  if (own === undefined || router === undefined) return node;
  return { ...node, bgp: { ...node.bgp!, bfd: { ...own, router: placeOf(router) } } };
}

/** How the other side knows it: where it listens, which is also where it sends from. */
function placeOf({ host, port }: BfdConfig): BfdPeer {
  return { host, port, sourcePort: port };
}

function gatewayDocument(
  settings: CastSettings,
  { sites, vantages }: LivePlaces,
  nodes: readonly NodeConfig[],
  /** Where the gateway finds each node. */
  doors: readonly string[],
  simPort: number,
  adminPort: number,
): unknown {
  const names = vantages.map(({ vantage }) => vantage);
  return {
    listen: `${urlHost(settings.gatewayHost)}:${settings.gatewayPort}`,
    admin: `${HOST}:${adminPort}`,
    sites: sites.map(({ site }) => ({
      id: site,
      nodes: nodes
        .map((node, index) => ({ site: node.site, id: node.node, url: `http://${doors[index]}` }))
        .filter((node) => node.site === site)
        .map(({ id, url }) => ({ id, url })),
    })),
    routing: { mode: settings.mode, vantages: names, defaultVantage: defaultOf(names) },
    catchment: { feed: `http://${HOST}:${simPort}/v1/catchments` },
    health: { profile: "demo", path: "/health/ready" },
    wan: { emulate: true },
  };
}

/** Who asks without a name of a vantage: New York where it is one. */
export function defaultOf(vantages: readonly string[]): string {
  return vantages.includes(DEFAULT_VANTAGE) ? DEFAULT_VANTAGE : vantages[0]!;
}
