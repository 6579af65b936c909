/**
 * The gateway's admin API: status, metrics and health for anybody on this address; drains and weights for whoever
 * holds the token. It knows nodes and weights; it cannot start or kill anything.
 */
import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { createControlServer } from "#core/host/control-server.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import type { Admission } from "../admission/admission.ts";
import type { Engine } from "../forward/exchange.ts";
import type { Fleet } from "../forward/fleet.ts";
import type { CircuitBreaker } from "../resilience/breaker/breaker.ts";
import { addBreakerRoutes } from "./breakers.ts";
import { addCacheRoutes } from "./cache.ts";
import { addHealthRoutes } from "./health.ts";
import { addNodeRoutes } from "./nodes.ts";
import { addOpenApiRoute } from "./openapi.ts";
import { addRateLimitRoutes } from "./rate-limit.ts";
import { addReloadRoutes, type Reload } from "./reload.ts";
import { addStatsPage } from "./stats-page.ts";
import { addWhyRoute } from "./why.ts";

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
  readonly breakers: () => readonly CircuitBreaker[];
  /** Absent: there is nowhere to read a configuration from. */
  readonly reload?: Reload;
  readonly admission: () => Admission;
  readonly version: string;
  readonly engine: () => Engine;
  /** How many addresses of names were known. */
  readonly forgetNames: () => number;
  readonly nowMs: () => number;
}

export function createAdmin(options: AdminOptions): FastifyInstance {
  const server = createControlServer({ token: options.token, hostNames: options.hostNames });
  const routes = listRoutes(server);
  server.addHook("onSend", async (_request, reply) => {
    if (options.isLeaving()) void reply.header("connection", "close");
  });
  server.get("/", async () => ({ paths: routes }));
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
  addOpenApiRoute(server, routes, options.version);
  addCacheRoutes(server, () => options.engine().cache, options.forgetNames);
  if (options.reload !== undefined) addReloadRoutes(server, options.reload);
  server.post("/drain", async () => {
    options.drain();
    return { isDraining: true };
  });
  return server;
}

/** `GET /status`, as they are added from here on: nobody has to keep a list. */
function listRoutes(server: FastifyInstance): readonly string[] {
  const routes: string[] = [];
  server.addHook("onRoute", ({ method, url }) => {
    for (const each of [method].flat()) if (each !== "HEAD") routes.push(`${each} ${url}`);
  });
  return routes;
}
