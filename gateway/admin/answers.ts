/**
 * What the admin API answers, as schemas: for its OpenAPI document. Nothing is checked against them while the gateway runs; a
 * test holds every answer against its own.
 */
import { z } from "zod";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import { GATEWAY_STATUS_SCHEMA } from "#core/wire/gateway-status.ts";
import { ALGORITHMS } from "../balancer/create-balancer.ts";
import { HEALTH_LEVELS } from "../health/levels.ts";
import { BREAKER_STATES } from "../resilience/breaker/breaker.ts";
import { ROUTING_MODES } from "../routing/modes.ts";

const count = z.int().min(0);
const nodeHealth = z.enum(["unproven", "healthy", "unhealthy", "ejected", "draining"]);

const status = z.strictObject({
  schema: z.literal(GATEWAY_STATUS_SCHEMA),
  version: z.string(),
  mode: z.enum(ROUTING_MODES),
  profile: z.string(),
  feed: z.enum(["none", "live", "stale"]),
  isDraining: z.boolean(),
  nodes: z.array(
    z.strictObject({
      node: z.string(),
      site: z.string(),
      url: z.string(),
      zone: z.string().nullable().describe("null: it tells none."),
      labels: z.record(z.string(), z.string()),
      health: nodeHealth,
      weight: count,
      active: count.describe("Attempts in flight."),
      attempts: count,
      failures: count,
      lastCheck: z.string().nullable().describe("null: not checked yet."),
    }),
  ),
  requests: z.strictObject({
    total: count,
    active: count,
    failed: count.describe("No node answered."),
    rescued: count.describe("A node answered after an attempt that failed."),
    retries: count,
    hedges: count,
    hedgesWon: count,
    resumes: count,
    resets: count,
  }),
  retryBudgetRatio: z.number(),
  admission: z
    .strictObject({
      limit: count,
      phase: z.enum(["fixed", "following", "measuring"]),
      active: count.describe("Requests under way."),
      awaiting: count.describe("Of those, without a response head."),
      waiting: count.describe("Requests in line."),
      headMs: z.number().describe("What nodes take to a head, on average; 0: not known."),
      floorMs: z.number().nullable().describe("The same without a queue; null: not known, or not asked."),
    })
    .nullable()
    .describe("null: any number may be under way."),
}) satisfies z.ZodType<GatewayStatus>;

const level = z.enum(HEALTH_LEVELS);

const breaker = z.strictObject({
  name: z.string(),
  state: z.enum(BREAKER_STATES),
  calls: count,
  failed: count,
  slow: count,
  retryAfterMs: count.describe("Until it may let something through again."),
});

const rate = z.strictObject({ requestsPerSecond: z.number(), burst: count }).nullable();

const nodes = z.strictObject({ nodes: z.array(z.string()).describe("Those that it was about.") });

export const ANSWERS = {
  paths: z.strictObject({ paths: z.array(z.string()) }),
  status,
  healthLevel: z.strictObject({ status: level }),
  health: z.strictObject({
    status: level,
    timestamp: z.iso.datetime(),
    components: z.array(
      z.strictObject({ name: z.string(), status: level, message: z.string(), timestamp: z.iso.datetime() }),
    ),
    uptime: z.string().describe("2h30m45s."),
  }),
  clusterHealth: z.strictObject({
    overall_health: level,
    healthy_nodes: count,
    failed_nodes: count.describe("Found unhealthy, or ejected."),
    last_updated: z.iso.datetime().describe("The moment of the question."),
  }),
  breaker,
  breakers: z.strictObject({ breakers: z.array(breaker) }),
  nodes,
  weight: z.strictObject({ node: z.string(), weight: count }),
  drain: z.strictObject({ isDraining: z.literal(true) }),
  rates: z.strictObject({ all: rate, perClient: rate }),
  cache: z.strictObject({ isOn: z.boolean(), entries: count, bytes: count }),
  cleared: z.strictObject({ cleared: z.strictObject({ entries: count, bytes: count, names: count }) }),
  reload: z.strictObject({
    isApplied: z.boolean(),
    reason: z.string().optional().describe("Why it is not."),
    changes: z.array(
      z.strictObject({
        path: z.string(),
        before: z.string().optional().describe("As JSON; absent: it was not there."),
        after: z.string().optional(),
      }),
    ),
  }),
  why: z.strictObject({
    vantage: z.string(),
    pattern: z.string().nullable(),
    subset: z.string().nullable().describe("Which nodes the request is for; null: all."),
    split: z.array(z.strictObject({ subset: z.string(), percent: z.number() })),
    mode: z.enum(ROUTING_MODES),
    sites: z.array(
      z.strictObject({
        site: z.string(),
        rttMs: z.number(),
        algorithm: z.enum(ALGORITHMS),
        ownZonePercent: count
          .nullable()
          .describe("Of first attempts so many stay in the gateway's zone; null: no zone is preferred."),
      }),
    ),
    candidates: z.array(
      z.strictObject({
        node: z.string(),
        site: z.string(),
        zone: z.string().nullable(),
        labels: z.record(z.string(), z.string()),
        isCandidate: z.boolean(),
        reason: z.string(),
        cost: z.number().nullable(),
        health: nodeHealth,
        active: count,
        weight: count,
      }),
    ),
  }),
  document: z.looseObject({ openapi: z.literal("3.1.0") }),
  error: z.strictObject({
    error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  }),
} satisfies Readonly<Record<string, z.ZodType>>;

export type AnswerName = keyof typeof ANSWERS;
