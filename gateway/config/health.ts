/** `health`: how nodes are asked how they are. A profile fills in what is not written. */
import { z } from "zod";
import {
  HEALTH_PROFILE_NAMES,
  HEALTH_PROFILES,
  type HealthProfile,
  type HealthProfileName,
} from "../health/profiles.ts";

const PATH = /^\/[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=%]*$/;
const STATUSES = /^[1-5]\d\d(-[1-5]\d\d)?$/;
const STATUSES_EXPECTED = 'must be a status or a range of them, "204" or "200-299"';
/** A node that takes no traffic is asked at least so often: how soon it may return should not hang on a relaxed interval. */
const RECHECK_MS = 1_000;

const ms = (min: number, max: number) => z.int().min(min).max(max);
const count = z.int().min(1).max(100);

export const healthSchema = z.strictObject({
  profile: z
    .enum(HEALTH_PROFILE_NAMES)
    .default("seed-001")
    .describe(
      "Named set of check settings; single values below override it. Not used in mode `anycast-only`.",
    ),
  kind: z
    .enum(["http", "tcp"])
    .default("http")
    .describe("`http`: a request is answered; `tcp`: a connection is accepted, which says less."),
  path: z
    .string()
    .regex(PATH, "must be a path")
    .default("/health")
    .describe("`http`: path asked for; `x-node-state: draining` in the answer takes the node out gently."),
  method: z.enum(["GET", "HEAD"]).default("GET").describe("`http`: method of the check."),
  statuses: z
    .array(z.string().regex(STATUSES, STATUSES_EXPECTED))
    .min(1)
    .max(20)
    .default(["200-299"])
    .describe("`http`: statuses that pass."),
  bodyContains: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe("`http` by GET: text that must stand in the first 64 KiB of the answer's body."),
  intervalMs: ms(10, 3_600_000).optional().describe("Time between two checks of a node."),
  unhealthyIntervalMs: ms(10, 3_600_000)
    .optional()
    .describe("The same of a node that takes no traffic; absent: `intervalMs`, and one second at most."),
  jitterPercent: z
    .int()
    .min(0)
    .max(50)
    .default(10)
    .describe("Intervals are shortened at random by up to so much, never lengthened."),
  timeoutMs: ms(1, 600_000)
    .optional()
    .describe("A check without a complete answer after this long has failed."),
  healthyThreshold: count.optional().describe("Passed checks in a row that bring a node back."),
  unhealthyThreshold: count.optional().describe("Failed checks in a row that take a node out."),
  isConnectionReused: z
    .boolean()
    .default(true)
    .describe("`http`: checks of a node share a connection; `false`: each opens its own, as new clients do."),
});

type Section = z.output<typeof healthSchema>;

export interface HealthConfig extends HealthProfile {
  readonly profile: HealthProfileName;
  readonly kind: "http" | "tcp";
  readonly path: string;
  readonly method: "GET" | "HEAD";
  /** First and last of each range. */
  readonly statuses: readonly (readonly [first: number, last: number])[];
  readonly bodyContains: string | undefined;
  readonly unhealthyIntervalMs: number;
  readonly jitterPercent: number;
  readonly isConnectionReused: boolean;
}

export function completeHealth(health: Section): HealthConfig {
  const profile = HEALTH_PROFILES[health.profile];
  const intervalMs = health.intervalMs ?? profile.intervalMs;
  return {
    profile: health.profile,
    kind: health.kind,
    path: health.path,
    method: health.method,
    statuses: health.statuses.map(rangeOf),
    bodyContains: health.bodyContains,
    intervalMs,
    unhealthyIntervalMs: health.unhealthyIntervalMs ?? Math.min(intervalMs, RECHECK_MS),
    jitterPercent: health.jitterPercent,
    timeoutMs: health.timeoutMs ?? profile.timeoutMs,
    healthyThreshold: health.healthyThreshold ?? profile.healthyThreshold,
    unhealthyThreshold: health.unhealthyThreshold ?? profile.unhealthyThreshold,
    isConnectionReused: health.isConnectionReused,
  };
}

/** What is wrong across its keys, if anything. */
export function healthIssue(health: Section): { readonly key: string; readonly message: string } | undefined {
  const upsideDown = health.statuses.findIndex((text) => rangeOf(text)[0] > rangeOf(text)[1]);
  if (upsideDown !== -1) {
    return {
      key: `statuses.${upsideDown}`,
      message: `"${health.statuses[upsideDown]}" ends before it begins`,
    };
  }
  if (health.bodyContains !== undefined && (health.kind === "tcp" || health.method === "HEAD")) {
    const why = health.kind === "tcp" ? "a tcp check reads nothing" : "the answer to HEAD has no body";
    return { key: "bodyContains", message: `${why}: use \`kind: http\` with \`method: GET\`` };
  }
  return undefined;
}

function rangeOf(text: string): readonly [number, number] {
  const [first = "", last = first] = text.split("-");
  return [Number(first), Number(last)];
}
