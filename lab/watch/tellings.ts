/**
 * What a watcher needs of what it is told, checked before it is believed: it asks addresses that somebody typed, and
 * whoever answers there must not be able to end it. More keys than these are a newer teller's, and welcome.
 */
import { z } from "zod";
import { CATCHMENT_FEED_SCHEMA, type CatchmentFeedLine } from "#core/wire/catchment.ts";
import { GATEWAY_STATUS_SCHEMA, type GatewayStatus } from "#core/wire/gateway-status.ts";
import { SIM_STATUS_SCHEMA, type SimStatus } from "#core/wire/sim-status.ts";

const name = z.string().max(80);
const count = z.number().min(0);

const gatewayStatus = z.looseObject({
  schema: z.literal(GATEWAY_STATUS_SCHEMA),
  mode: z.enum(["nearest", "anycast", "anycast-only"]),
  feed: z.enum(["none", "live", "stale"]),
  nodes: z.array(
    z.looseObject({
      node: name,
      site: name,
      url: z.string().max(400),
      health: z.enum(["unproven", "healthy", "unhealthy", "ejected", "draining"]),
      lastCheck: z.string().max(400).nullable(),
    }),
  ),
  requests: z.looseObject({
    total: count,
    failed: count,
    rescued: count,
    hedges: count,
    resets: count,
  }),
});

const simStatus = z.looseObject({
  schema: z.literal(SIM_STATUS_SCHEMA),
  seed: z.number(),
  sites: z.array(
    z.looseObject({
      site: name,
      isGracefulShutdown: z.boolean(),
      announcedNodes: z.array(name),
      nodes: z.array(
        z.looseObject({
          node: name,
          session: z.enum(["up", "down"]),
          bfd: z.enum(["admin-down", "down", "init", "up"]).optional(),
        }),
      ),
    }),
  ),
});

const feedLine = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("hello"), schema: z.literal(CATCHMENT_FEED_SCHEMA) }),
  z.looseObject({
    type: z.literal("routes"),
    vantage: name,
    revision: z.number(),
    sites: z.array(z.looseObject({ site: name, rttUs: count })),
    isUnreachable: z.literal(true).optional(),
  }),
  z.looseObject({ type: z.literal("announced"), site: name, nodes: z.array(name) }),
  z.looseObject({ type: z.literal("synced") }),
  z.looseObject({ type: z.literal("heartbeat") }),
]);

const LINE_TYPES: ReadonlySet<string> = new Set(["hello", "routes", "announced", "synced", "heartbeat"]);

/** Undefined: it is none. */
export function gatewayStatusOf(value: unknown): GatewayStatus | undefined {
  return gatewayStatus.safeParse(value).success ? (value as GatewayStatus) : undefined;
}

export function simStatusOf(value: unknown): SimStatus | undefined {
  return simStatus.safeParse(value).success ? (value as SimStatus) : undefined;
}

/** A line whose type this reader does not know: a newer source may say more. */
export function isNewerLine(value: unknown): boolean {
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  return typeof type === "string" && !LINE_TYPES.has(type);
}

export function feedLineOf(value: unknown): CatchmentFeedLine | undefined {
  return feedLine.safeParse(value).success ? (value as CatchmentFeedLine) : undefined;
}
