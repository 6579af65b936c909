/**
 * The gateway's admin API: status, metrics and health for anybody on this address; drains and weights for whoever
 * holds the token. It knows nodes and weights; it cannot start or kill anything.
 */
import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { UserError } from "#core/errors.ts";
import { nowMs } from "#core/host/clock.ts";
import { createControlServer } from "#core/host/control-server.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import type { Admission } from "../admission/admission.ts";
import type { Engine } from "../forward/exchange.ts";
import type { Fleet, FleetNode } from "../forward/fleet.ts";
import type { SiteBreakers } from "../resilience/breaker/site-breakers.ts";
import { addBreakerRoutes, BREAKER_PATHS } from "./breakers.ts";
import { addCacheRoutes, CACHE_PATHS } from "./cache.ts";
import { addHealthRoutes, HEALTH_PATHS } from "./health.ts";
import { addOpenApiRoute, OPENAPI_PATHS } from "./openapi.ts";
import { addRateLimitRoutes, RATE_LIMIT_PATHS } from "./rate-limit.ts";
import { addReloadRoutes, RELOAD_PATHS, type Reload } from "./reload.ts";
import { addStatsPage, STATS_PATHS } from "./stats-page.ts";
import { addWhyRoute, WHY_PATHS } from "./why.ts";

const WEIGHT_MAX = 10_000;

export interface AdminOptions {
  readonly token: string;
  readonly hostNames: readonly string[];
  /** Of the configuration in force. */
  readonly fleet: () => Fleet;
  readonly registry: Registry;
  readonly status: () => GatewayStatus;
  /** May take traffic: at least one node may, and nobody has begun to stop it. */
  readonly isReady: () => boolean;
  /** It ends: connections to this address lead elsewhere, or nowhere, from now on. */
  readonly isLeaving: () => boolean;
  /** Readiness 503 and `connection: close` from now on, so that what stands in front moves its traffic away. */
  readonly drain: () => void;
  readonly breakers: () => SiteBreakers | undefined;
  /** Absent: there is nowhere to read a configuration from. */
  readonly reload?: Reload;
  readonly admission: () => Admission;
  readonly version: string;
  readonly engine: () => Engine;
  /** How many addresses of names were known. */
  readonly forgetNames: () => number;
  readonly nowMs: () => number;
}

const PATHS = [
  "GET /status",
  "GET /metrics",
  ...HEALTH_PATHS,
  ...STATS_PATHS,
  ...WHY_PATHS,
  "POST /nodes/:id/drain",
  "POST /nodes/:id/undrain",
  "PUT /nodes/:id/weight",
  "PUT /api/v1/nodes/:id/disable",
  "PUT /api/v1/nodes/:id/enable",
  "PUT /api/v1/connections/:id/disable",
  "PUT /api/v1/connections/:id/enable",
  "POST /sites/:id/drain",
  "POST /sites/:id/undrain",
  "POST /drain",
  ...BREAKER_PATHS,
  ...RATE_LIMIT_PATHS,
  ...CACHE_PATHS,
  ...OPENAPI_PATHS,
];

export function createAdmin(options: AdminOptions): FastifyInstance {
  const server = createControlServer({ token: options.token, hostNames: options.hostNames });
  const paths = options.reload === undefined ? PATHS : [...PATHS, ...RELOAD_PATHS];
  server.addHook("onSend", async (_request, reply) => {
    if (options.isLeaving()) void reply.header("connection", "close");
  });
  server.get("/", async () => ({ paths }));
  server.get("/status", async () => options.status());
  server.get("/metrics", async (_request, reply) => {
    void reply.type(options.registry.contentType);
    return options.registry.metrics();
  });
  addHealthRoutes(server, options);
  addStatsPage(server, options.status);
  addWhyRoute(server, options.engine);
  addNodeRoutes(server, options.fleet);
  addBreakerRoutes(server, options.breakers, options.nowMs);
  addRateLimitRoutes(server, options.admission);
  addOpenApiRoute(server, paths, options.version);
  addCacheRoutes(server, () => options.engine().cache, options.forgetNames);
  if (options.reload !== undefined) addReloadRoutes(server, options.reload);
  server.post("/drain", async () => {
    options.drain();
    return { isDraining: true };
  });
  return server;
}

function addNodeRoutes(server: FastifyInstance, fleetOf: () => Fleet): void {
  server.post<{ Params: { id: string } }>("/nodes/:id/drain", async ({ params }) =>
    drainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
  );
  server.post<{ Params: { id: string } }>("/nodes/:id/undrain", async ({ params }) =>
    undrainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
  );
  server.post<{ Params: { id: string } }>("/sites/:id/drain", async ({ params }) =>
    drainAll(fleetOf(), siteNamed(fleetOf(), params.id)),
  );
  server.post<{ Params: { id: string } }>("/sites/:id/undrain", async ({ params }) =>
    undrainAll(fleetOf(), siteNamed(fleetOf(), params.id)),
  );
  // The emergency switch, under the names it is known by elsewhere.
  for (const what of ["nodes", "connections"]) {
    server.put<{ Params: { id: string } }>(`/api/v1/${what}/:id/disable`, async ({ params }) =>
      drainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
    );
    server.put<{ Params: { id: string } }>(`/api/v1/${what}/:id/enable`, async ({ params }) =>
      undrainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
    );
  }
  server.put<{ Params: { id: string }; Body: unknown }>("/nodes/:id/weight", async ({ params, body }) => {
    const fleet = fleetOf();
    const node = nodeNamed(fleet, params.id);
    const weight = weightOf(body);
    fleet.setWeight(node, weight, nowMs());
    return { node: node.id, weight };
  });
}

function drainAll(fleet: Fleet, nodes: readonly FleetNode[]): { nodes: string[] } {
  for (const node of nodes) fleet.apply(fleet.board.drain(node.index), nowMs());
  return { nodes: nodes.map(({ id }) => id) };
}

function undrainAll(fleet: Fleet, nodes: readonly FleetNode[]): { nodes: string[] } {
  for (const node of nodes) fleet.apply(fleet.board.undrain(node.index), nowMs());
  return { nodes: nodes.map(({ id }) => id) };
}

function nodeNamed(fleet: Fleet, id: string): FleetNode {
  const node = fleet.nodeById(id);
  if (node !== undefined) return node;
  throw new UserError("NODE_UNKNOWN", `there is no node "${id.slice(0, 80)}"`, {
    hint: `nodes are ${fleet.nodes.map((known) => known.id).join(", ")}`,
  });
}

function siteNamed(fleet: Fleet, id: string): FleetNode[] {
  const nodes = fleet.nodes.filter((node) => node.site === id);
  if (nodes.length > 0) return nodes;
  throw new UserError("SITE_UNKNOWN", `there is no site "${id.slice(0, 80)}"`, {
    hint: `sites are ${fleet.sites.map((known) => known.id).join(", ")}`,
  });
}

function weightOf(body: unknown): number {
  const weight = typeof body === "object" && body !== null && "weight" in body ? body.weight : undefined;
  if (typeof weight === "number" && Number.isInteger(weight) && weight >= 0 && weight <= WEIGHT_MAX)
    return weight;
  throw new UserError("WEIGHT_INVALID", `weight must be a whole number from 0 to ${WEIGHT_MAX}`, {
    hint: 'send {"weight": 100}',
  });
}
