/**
 * Health of the gateway itself: alive, ready, the whole picture with a level for each part, and the cluster behind it in numbers.
 * A site's score is the share of its nodes that take requests; the gateway is as well as the best of its sites can make it, and
 * no better than its feed.
 */
import type { FastifyInstance } from "fastify";
import { nowMs, wallClock } from "#core/host/clock.ts";
import { uptimeText } from "#core/uptime-text.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import { levelOf, worstOf, type HealthLevel } from "../health/levels.ts";

/** Four of five nodes are well enough; with half of them a site is unhealthy, with none critical. */
const SITE_THRESHOLD = 0.8;
const SERVING: readonly string[] = ["healthy", "unproven"];
const FAILED: readonly string[] = ["unhealthy", "ejected"];

export interface HealthSources {
  readonly status: () => GatewayStatus;
  /** May take traffic: at least one node may, and nobody has begun to stop it. */
  readonly isReady: () => boolean;
}

export function addHealthRoutes(server: FastifyInstance, { status, isReady }: HealthSources): void {
  const startedMs = nowMs();
  server.get("/health/live", async () => ({ status: "healthy" }));
  for (const path of ["/health/ready", "/ready"]) {
    server.get(path, async (_request, reply) => {
      const is = isReady();
      void reply.status(is ? 200 : 503);
      return { status: is ? "healthy" : "unhealthy" };
    });
  }
  server.get("/health", async (_request, reply) => {
    void reply.status(isReady() ? 200 : 503);
    return fullHealth(status(), isReady(), nowMs() - startedMs);
  });
  // For reading, not for probing: 200 whatever it says.
  server.get("/api/v1/health/cluster", async () => clusterHealth(status(), isReady()));
}

interface Component {
  readonly name: string;
  readonly status: HealthLevel;
  readonly message: string;
  readonly timestamp: string;
}

export function fullHealth(status: GatewayStatus, isReady: boolean, uptimeMs: number): object {
  const timestamp = wallClock();
  const components = componentsOf(status, timestamp);
  return { status: overall(components, isReady), timestamp, components, uptime: uptimeText(uptimeMs) };
}

/**
 * Nodes that are being drained, or have not been checked yet, count as neither. It is the picture of the moment of the question,
 * since verdicts are in force as they are made.
 */
export function clusterHealth(status: GatewayStatus, isReady: boolean): object {
  const timestamp = wallClock();
  const count = (of: readonly string[]): number =>
    status.nodes.filter(({ health }) => of.includes(health)).length;
  return {
    overall_health: overall(componentsOf(status, timestamp), isReady),
    healthy_nodes: count(["healthy"]),
    failed_nodes: count(FAILED),
    last_updated: timestamp,
  };
}

function componentsOf(status: GatewayStatus, timestamp: string): Component[] {
  const sites = [...new Set(status.nodes.map(({ site }) => site))].map((site): Component => {
    const nodes = status.nodes.filter((node) => node.site === site);
    const serving = nodes.filter(({ health }) => SERVING.includes(health)).length;
    const message = `${serving} of ${nodes.length} nodes take requests`;
    return {
      name: `site ${site}`,
      status: levelOf(serving / nodes.length, SITE_THRESHOLD),
      message,
      timestamp,
    };
  });
  if (status.feed === "none") return sites;
  const level = status.feed === "stale" ? "degraded" : "healthy";
  return [...sites, { name: "feed", status: level, message: status.feed, timestamp }];
}

/** Lost sites are bad for their clients' round-trip times; as long as one serves, nobody is without an answer. */
function overall(components: readonly Component[], isReady: boolean): HealthLevel {
  const worst = worstOf(components.map(({ status }) => status));
  if (!isReady) return worst === "critical" ? "critical" : "unhealthy";
  return worst === "healthy" ? "healthy" : "degraded";
}
