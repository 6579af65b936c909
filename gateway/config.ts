/**
 * The gateway's configuration: one schema for what a person writes in `anycastle.yaml` and what a lab sends.
 *
 * Unknown keys are errors. The document is parsed once, checked across fields (all that is wrong comes at once),
 * completed with its profile's numbers and frozen; nothing else in the gateway reads a document. Five lines (one site,
 * two nodes) are enough.
 */
import { z } from "zod";
import { ALGORITHMS, isHashing, type Algorithm, type BalancerOptions } from "./balancer/create-balancer.ts";
import type { SlowStartOptions } from "./balancer/slow-start.ts";
import type { ZoneOptions } from "./balancer/zone-share.ts";
import { accessLogSchema, type AccessLogConfig } from "./config/access-log.ts";
import {
  admissionIssue,
  admissionSchema,
  completeAdmission,
  type AdmissionConfig,
} from "./config/admission.ts";
import { bodySchema, type SpillConfig } from "./config/body.ts";
import { breakerSchema, completeBreaker, routeToOf, type BreakerConfig } from "./config/breaker.ts";
import { cacheSchema, type CacheConfig } from "./config/cache.ts";
import { completeHealth, healthIssue, healthSchema, type HealthConfig } from "./config/health.ts";
import { outlierSchema } from "./config/outlier.ts";
import { id } from "./config/id.ts";
import { completePaths, pathIssues, pathsSchema, type PathsConfig } from "./config/paths.ts";
import { resolverSchema, type ResolverConfig } from "./config/resolver.ts";
import { resumeSchema, type ResumeOptions } from "./config/resume.ts";
import { completeSticky, stickySchema, type StickyOptions } from "./config/sticky.ts";
import { labelsSchema, subsetIssues, subsetsSchema } from "./config/subsets.ts";
import { nodeTlsSchema, tlsSchema, type NodeTlsConfig, type TlsConfig } from "./config/tls.ts";
import {
  serverTimingSchema,
  tracingSchema,
  type ServerTiming,
  type TracingConfig,
} from "./config/tracing.ts";
import { trustedProxiesSchema } from "./config/trusted-proxies.ts";
import { webSocketSchema, type WebSocketConfig } from "./config/web-socket.ts";
import { completeZone, zoneSchema } from "./config/zone.ts";
import type { OutlierOptions } from "./health/outliers.ts";
import { worstCaseDetectionMs, type HealthProfileName } from "./health/profiles.ts";
import { GATEWAY_ERRORS } from "./resilience/failure-class.ts";
import type { SpreadOptions } from "./resilience/site-spread.ts";
import { ROUTING_MODES, type RoutingMode } from "./routing/modes.ts";
import { readHashBy, type HashBy } from "./routing/request-key.ts";
import { subsetsWith, type Subset } from "./routing/subset-choice.ts";

/** Of a field that is told as it stands (RFC 9110 §5.5), without what nobody calls a server. */
const SERVER_FIELD = /^[\x21-\x7e](?:[\x20-\x7e]{0,98}[\x21-\x7e])?$/;
const LISTEN = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$/;
const NODE_URL = /^https?:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}\/?$/;
const HASH_BY_EXPECTED = "must be `ip`, `path`, `header:NAME` or `cookie:NAME`";

const ms = (min: number, max: number) => z.int().min(min).max(max);

const nodeSchema = z.strictObject({
  id: id("the node"),
  url: z
    .string()
    .regex(NODE_URL, "must be http://host:port or https://host:port")
    .describe("Where the node listens: http://host:port, or https://host:port with `nodeTls`."),
  weight: z
    .int()
    .min(0)
    .max(10_000)
    .default(100)
    .describe("Share of requests relative to the other nodes of the site; 0: no new requests."),
  zone: id("the zone")
    .optional()
    .describe(
      "What it fails together with, within its site: a rack, an availability zone. A second attempt goes to another one.",
    ),
  labels: labelsSchema.default({}).describe("For `subsets`: names and values, such as `version: v2`."),
});

const siteSchema = z.strictObject({
  id: id("the site"),
  algorithm: z
    .enum(ALGORITHMS)
    .optional()
    .describe("How a node of this site is chosen. Absent: `balancer.algorithm`."),
  nodes: z
    .array(nodeSchema)
    .min(1)
    .max(1_000)
    .describe("Nodes of the site; two or more survive the loss of one."),
});

const siteRouteSchema = z.strictObject({
  site: id("the site"),
  rttMs: z
    .number()
    .min(0)
    .max(10_000)
    .default(0)
    .describe(
      "Round-trip time between vantage and site in milliseconds; used only by `wan` and mode `nearest`.",
    ),
});

const routingSchema = z.strictObject({
  mode: z
    .enum(ROUTING_MODES)
    .default("nearest")
    .describe(
      "`nearest`: sites by round-trip time. `anycast`: BGP's choice first, then the next ones. `anycast-only`: what the bare network gives, without checks, ejection, retry and hedging.",
    ),
  vantages: z.array(id("the vantage")).max(10_000).default([]).describe("Vantages that a request may name."),
  defaultVantage: id("the vantage")
    .optional()
    .describe("Vantage of a request that names none; without it the first of `vantages`, else `default`."),
  vantageHeader: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, "must be a field name in lower case")
    .optional()
    .describe("Request field that may name the vantage. Absent: only the Host `<vantage>.localhost` may."),
});

const catchmentSchema = z.union([
  z.strictObject({
    feed: z
      .string()
      .regex(/^http:\/\/[^\s]+$/, "must be an http URL")
      .describe("URL of a live catchment feed. While it is lost, its last answer stays in force."),
  }),
  z.strictObject({
    fixed: z
      .record(id("the vantage"), z.array(siteRouteSchema).max(1_000))
      .describe("Sites of each vantage, best first."),
  }),
  z.strictObject({
    nearest: z
      .literal(true)
      .describe("Sites by distance from each of `routing.vantages` on the built-in map."),
  }),
]);

const retrySchema = z.strictObject({
  attemptsMax: z
    .int()
    .min(1)
    .max(16)
    .default(4)
    .describe("Attempts of one request at most, the first and all hedges included; 1: no retry, no hedge."),
  budgetRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe("Retries allowed as a share of the requests of the last 10 s, in whole percent."),
  budgetPerSecond: z
    .int()
    .min(0)
    .max(10_000)
    .default(10)
    .describe("Retries a second allowed beside that share."),
  perTryTimeoutMs: ms(10, 3_600_000)
    .optional()
    .describe(
      "An attempt without a response head after this long has failed; 15 s, with profile `demo` 5 s.",
    ),
  totalTimeoutMs: ms(10, 3_600_000)
    .optional()
    .describe(
      "A request without a response head after this long is given up; 30 s, with profile `demo` 10 s.",
    ),
  statuses: z
    .array(z.int().min(500).max(599))
    .max(20)
    .default([...GATEWAY_ERRORS])
    .describe(
      "Answers of a node for which another one is asked, if that may be done with the request and one in good health is left. Without one the client gets the answer.",
    ),
  deadlineHeader: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, "must be a field name in lower case")
    .optional()
    .describe(
      "Request field in which a client may say for how many milliseconds it waits for a response head; less than `totalTimeoutMs` counts in its place.",
    ),
  nonIdempotent: z
    .boolean()
    .default(false)
    .describe(
      "Also retry POST and PATCH that may have been executed. Only for nodes that tell repeats apart.",
    ),
});

const hedgeSchema = z.strictObject({
  isEnabled: z
    .boolean()
    .default(true)
    .describe(
      "Ask another node beside one that is silent. Idempotent requests only; not in mode `anycast-only`.",
    ),
  initialDelayMs: ms(1, 60_000)
    .default(150)
    .describe("Delay before the first hedge until 100 attempts were timed."),
  floorMs: ms(1, 60_000).default(50).describe("The delay follows the 95th percentile, but never below this."),
  capMs: ms(1, 60_000).optional().describe("... and never above this; 1000 ms, with profile `demo` 150 ms."),
  budgetRatio: z.number().min(0).max(1).default(0.2).describe("As in `retry`, for hedges."),
  budgetPerSecond: z.int().min(0).max(10_000).default(10).describe("As in `retry`, for hedges."),
});

const limitsSchema = z.strictObject({
  headerBytesMax: z
    .int()
    .min(1_024)
    .max(1_048_576)
    .default(16_384)
    .describe("Largest request or response head; 431 above."),
  headTimeoutMs: ms(100, 600_000)
    .default(10_000)
    .describe("Time a client may take for the whole request head."),
  bodyRateMin: z
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(100)
    .describe(
      "Bytes a second that a client must send of a body it is waited for, over 10 s; 408 below, 0: any.",
    ),
  readRateMin: z
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(100)
    .describe(
      "Bytes a second that a client must read of an answer that waits for it, over 10 s; closed below, 0: any.",
    ),
  rateGraceMs: ms(1_000, 600_000)
    .default(10_000)
    .describe("Over which both are looked at, in place of 10 s."),
  idleTimeoutMs: ms(1_000, 3_600_000)
    .default(60_000)
    .describe("Longest pause of a node within a response body; coarse, up to half a second late."),
  keepAliveTimeoutMs: ms(1_000, 3_600_000)
    .default(75_000)
    .describe(
      "Idle client connections are closed after this long; keep it above that of what stands in front.",
    ),
  nodeConnectionsMax: z
    .int()
    .min(1)
    .max(65_535)
    .default(512)
    .describe(
      "Connections to one node at most; a node with no free connection is passed over. Bodies that stream from clients may hold three quarters of them.",
    ),
  drainTimeoutMs: ms(0, 3_600_000)
    .default(10_000)
    .describe("On stop, open requests may finish for this long."),
});

export const gatewaySchema = z
  .strictObject({
    listen: z
      .string()
      .regex(LISTEN, "must be host:port")
      .default("127.0.0.1:8080")
      .describe("Where clients connect."),
    admin: z
      .union([z.literal("off"), z.string().regex(LISTEN, 'must be host:port or "off"')])
      .default("127.0.0.1:8082")
      .describe("Where status, metrics, health and drain are served; `off`: nowhere."),
    sites: z
      .array(siteSchema)
      .min(1)
      .max(1_000)
      .describe("Sites, in order of preference when nothing else decides."),
    routing: routingSchema.prefault({}),
    catchment: catchmentSchema
      .optional()
      .describe("Which sites a vantage reaches. Absent: all, in the order written, round-trip time 0."),
    balancer: z
      .strictObject({
        algorithm: z
          .enum(ALGORITHMS)
          .default("least_connections")
          .describe(
            "How a node of a site is chosen. Not used in mode `anycast-only`, where connections are hashed.",
          ),
        activeBias: z
          .number()
          .min(0.1)
          .max(10)
          .default(1)
          .describe(
            "`least_connections`: the least (active + 1)^bias / weight; above 1 load counts for more beside weight.",
          ),
        hashBy: z
          .string()
          .regex(/^(ip|path|(header|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})$/, HASH_BY_EXPECTED)
          .default("ip")
          .describe(
            "`consistent_hash`: what belongs together; `ip`, `path`, `header:NAME` or `cookie:NAME`. Without it: the address.",
          ),
        loadFactor: z
          .union([z.literal(0), z.number().min(1).max(100)])
          .default(1.25)
          .describe(
            "Algorithms that hash: a node holds at most this multiple of its fair share, the rest goes on; 0: no bound.",
          ),
        slowStart: z
          .strictObject({
            windowMs: ms(0, 3_600_000)
              .default(0)
              .describe(
                "A node that comes back gets its whole share after this long; 0: at once. Not with algorithms that hash.",
              ),
            aggression: z
              .number()
              .min(0.1)
              .max(10)
              .default(1)
              .describe("1: its share grows evenly; above: faster at first."),
            minPercent: z
              .int()
              .min(1)
              .max(100)
              .default(10)
              .describe("Its share in the first moment, percent."),
          })
          .prefault({}),
        overprovisioning: z
          .union([z.literal(0), z.number().min(1).max(10)])
          .default(0)
          .describe(
            "Spill-over: a site serves all of its clients while its healthy nodes, times this, are all of its nodes; " +
              "beyond that the next site takes the rest. 1.4 is usual; 0: sites are full only when no node is left.",
          ),
        panicPercent: z
          .int()
          .min(0)
          .max(100)
          .default(0)
          .describe(
            "With spill-over: when no sites together can carry everything, one with fewer healthy nodes asks all; 0: never.",
          ),
        zone: zoneSchema.optional().describe("Absent: no zone is preferred."),
      })
      .prefault({}),
    sticky: stickySchema.prefault({}),
    health: healthSchema.prefault({}),
    outlier: outlierSchema.prefault({}),
    retry: retrySchema.prefault({}),
    hedge: hedgeSchema.prefault({}),
    body: bodySchema.prefault({}),
    resume: resumeSchema.prefault({}),
    breaker: breakerSchema.prefault({}),
    admission: admissionSchema.prefault({}),
    trustedProxies: trustedProxiesSchema,
    proxyProtocol: z
      .boolean()
      .default(false)
      .describe(
        "Connections begin with a PROXY header, version 1 or 2 (HAProxy's `send-proxy-v2`), and come from `trustedProxies` alone; others are closed.",
      ),
    webSocket: webSocketSchema.prefault({}),
    tls: tlsSchema.optional().describe("Absent: clients speak plain HTTP."),
    nodeTls: nodeTlsSchema.optional().describe("For nodes whose `url` is https; absent: defaults."),
    subsets: subsetsSchema,
    paths: pathsSchema,
    resolver: resolverSchema.prefault({}),
    tracing: tracingSchema.optional().describe("Absent: no traces, and `traceparent` passes untouched."),
    serverTiming: serverTimingSchema,
    cache: cacheSchema.optional().describe("Absent: no answer is kept."),
    accessLog: accessLogSchema.optional().describe("Absent: no log of requests."),
    server: z
      .string()
      .regex(SERVER_FIELD, "must be printable text, at most 100 characters, without spaces at its ends")
      .optional()
      .describe(
        "The field `server` of every answer, in place of the nodes' own. Absent: what nodes say passes.",
      ),
    requestId: z
      .boolean()
      .default(true)
      .describe(
        "Each request has an `x-request-id`, to the node and to the client; a plain one that came is kept.",
      ),
    limits: limitsSchema.prefault({}),
    wan: z
      .strictObject({
        emulate: z
          .literal(true)
          .describe(
            "Delay requests as the distance would: 3 round trips for the first on a connection and site, then 1.",
          ),
      })
      .optional()
      .describe("Present only where a wide-area network is to be imitated; never in production."),
  })
  .describe("Anycastle gateway");

type Document = z.output<typeof gatewaySchema>;

export interface GatewayConfig {
  readonly listen: HostPort;
  /** Undefined: off. */
  readonly admin: HostPort | undefined;
  readonly sites: readonly {
    readonly id: string;
    readonly algorithm: Algorithm;
    readonly nodes: readonly NodeTarget[];
  }[];
  readonly routing: {
    readonly mode: RoutingMode;
    readonly vantages: readonly string[];
    readonly defaultVantage: string;
    readonly vantageHeader: string | undefined;
  };
  readonly catchment: Document["catchment"];
  readonly balancer: BalancerOptions &
    SpreadOptions & {
      readonly hashBy: HashBy;
      readonly slowStart: SlowStartOptions;
      /** Undefined: none is preferred. */
      readonly zone: (ZoneOptions & { readonly id: string }) | undefined;
    };
  /** Undefined: off. */
  readonly sticky: StickyOptions | undefined;
  readonly health: HealthConfig;
  readonly outlier: OutlierOptions;
  readonly retry: {
    readonly attemptsMax: number;
    readonly budgetPercent: number;
    readonly budgetPerSecond: number;
    readonly perTryTimeoutMs: number;
    readonly totalTimeoutMs: number;
    readonly statuses: readonly number[];
    readonly nonIdempotent: boolean;
    readonly deadlineHeader: string | undefined;
  };
  readonly hedge: {
    readonly isEnabled: boolean;
    readonly initialMs: number;
    readonly floorMs: number;
    readonly capMs: number;
    readonly budgetPercent: number;
    readonly budgetPerSecond: number;
  };
  readonly replayBytesMax: number;
  /** Undefined: nothing is written to a disk. */
  readonly spill: SpillConfig | undefined;
  readonly resume: ResumeOptions;
  readonly breaker: BreakerConfig;
  readonly admission: AdmissionConfig;
  readonly trustedProxies: readonly string[];
  readonly proxyProtocol: boolean;
  readonly webSocket: WebSocketConfig;
  /** Undefined: plain. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: no node speaks TLS. */
  readonly nodeTls: NodeTlsConfig | undefined;
  /** As they are numbered. */
  readonly subsets: readonly Subset[];
  readonly paths: PathsConfig;
  readonly resolver: ResolverConfig;
  readonly tracing: TracingConfig | undefined;
  readonly serverTiming: ServerTiming;
  readonly cache: CacheConfig | undefined;
  readonly accessLog: AccessLogConfig | undefined;
  /** Undefined: what nodes say passes. */
  readonly serverField: string | undefined;
  readonly hasRequestId: boolean;
  readonly limits: Readonly<Document["limits"]>;
  readonly isWanEmulated: boolean;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface NodeTarget {
  readonly id: string;
  readonly url: string;
  readonly weight: number;
  readonly zone: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ConfigIssue {
  /** `sites.0.nodes.1.url`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

export type GatewayConfigResult =
  | { readonly ok: true; readonly config: GatewayConfig; readonly warnings: readonly ConfigIssue[] }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

export function parseGatewayConfig(document: unknown): GatewayConfigResult {
  const parsed = gatewaySchema.safeParse(document);
  const refused = parsed.success ? [] : parsed.error.issues.flatMap((issue) => issuesOf(issue));
  const issues = [...refused, ...crossIssues(document)];
  if (!parsed.success || issues.length > 0) return { ok: false, issues };
  const config = complete(parsed.data);
  return { ok: true, config: deepFreeze(config), warnings: warningsOf(config) };
}

/** One issue a key, so that each unknown key can be pointed at. */
function issuesOf(issue: z.core.$ZodIssue): ConfigIssue[] {
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: path === "" ? key : `${path}.${key}`,
      message: `unknown key "${key}"`,
    }));
  }
  return [{ path, message: issue.message }];
}

/**
 * What is wrong across fields. Of a document that the schema refuses only those parts are judged that are good by
 * themselves: nothing is told twice, and nothing is said of what could not be understood.
 */
export function crossIssues(document: unknown): ConfigIssue[] {
  const sites = readSites(document);
  return [
    ...checkNames(sites),
    ...checkAddresses(document),
    ...checkCatchment(document, sites),
    ...checkTimes(document),
    ...checkSlowStart(document),
    ...checkHashing(document),
    ...checkFallback(document, sites),
    ...checkAdmission(document),
    ...checkProxyProtocol(document),
    ...checkPaths(document, sites),
    ...checkSubsets(document, sites),
  ];
}

/** Of subsets, if each is good by itself: their place among the others, their nodes, and who sends requests to them. */
function checkSubsets(document: unknown, sites: readonly ReadSite[]): ConfigIssue[] {
  const { shape } = gatewaySchema;
  const subsets = good(shape.subsets, valueAt(document, "subsets"));
  if (subsets === undefined) return [];
  const issues = subsetIssues(subsets).map(({ path, message }) => ({ path: `subsets.${path}`, message }));
  const sitesOf = sitesBySubset(subsets, sites);
  for (const [index, { id: subset, labels }] of subsets.entries()) {
    if (sitesOf === undefined || sitesOf.get(subset)!.size > 0) continue;
    const wanted = Object.entries(labels).map(([key, value]) => `${key}: ${value}`);
    const message = `no node is of subset "${subset}": give one the labels { ${wanted.join(", ")} }`;
    issues.push({ path: `subsets.${index}.labels`, message });
  }
  const paths = good(shape.paths, valueAt(document, "paths")) ?? [];
  const ids = subsets.map(({ id: subset }) => subset);
  return [
    ...issues,
    ...paths.flatMap((pattern, index) =>
      pathIssues(pattern, ids, sitesOf).map(({ path, message }) => ({
        path: `paths.${index}.${path}`,
        message,
      })),
    ),
  ];
}

/** Where each has nodes; undefined: a site or a label that cannot be read might be one of them. */
function sitesBySubset(
  subsets: readonly Subset[],
  sites: readonly ReadSite[],
): ReadonlyMap<string, ReadonlySet<string>> | undefined {
  const sitesOf = new Map(subsets.map(({ id: subset }) => [subset, new Set<string>()]));
  if (sites.length === 0) return undefined;
  for (const { id: site, nodes } of sites) {
    for (const { labels } of nodes) {
      if (site === undefined || labels === undefined) return undefined;
      for (const subset of subsetsWith(labels, subsets)) sitesOf.get(subsets[subset]!.id)!.add(site);
    }
  }
  return sitesOf;
}

/** Sites that there are, and each id once. */
function checkPaths(document: unknown, sites: readonly ReadSite[]): ConfigIssue[] {
  const known = sites.map(({ id: site }) => site);
  const seen = new Set<unknown>();
  return listAt(document, "paths").flatMap((pattern, index) => {
    const own = valueAt(pattern, "id");
    const isTwice = seen.has(own);
    seen.add(own);
    const unknown = listAt(pattern, "sites").flatMap((site, place) =>
      typeof site !== "string" || known.includes(site)
        ? []
        : [
            {
              path: `paths.${index}.sites.${place}`,
              message: `there is no site "${site}": sites are ${known.join(", ")}`,
            },
          ],
    );
    const twice = { path: `paths.${index}.id`, message: `there is a pattern "${String(own)}" before it` };
    return isTwice ? [twice, ...unknown] : unknown;
  });
}

function checkProxyProtocol(document: unknown): ConfigIssue[] {
  const isNobodyTrusted = listAt(document, "trustedProxies").length === 0;
  if (valueAt(document, "proxyProtocol") !== true || !isNobodyTrusted) return [];
  const message = "nobody may say so: name the proxies that stand in front in `trustedProxies`";
  return [{ path: "proxyProtocol", message }];
}

/** Algorithms as they are written: that of all sites, and those of single ones, each with its path. */
function algorithmsOf(document: unknown): { readonly path: string; readonly algorithm: Algorithm }[] {
  const balancer = good(gatewaySchema.shape.balancer, valueAt(document, "balancer"));
  const written = listAt(document, "sites").map((site, index) => ({
    path: `sites.${index}.algorithm`,
    algorithm: good(siteSchema.shape.algorithm, valueAt(site, "algorithm")),
  }));
  return [{ path: "balancer.algorithm", algorithm: balancer?.algorithm }, ...written].flatMap(
    ({ path, algorithm }) => (algorithm === undefined ? [] : [{ path, algorithm }]),
  );
}

/** A table of hashes is filled anew at every change of a weight, and a share that grows changes ten times a second. */
function checkSlowStart(document: unknown): ConfigIssue[] {
  const balancer = good(gatewaySchema.shape.balancer, valueAt(document, "balancer"));
  if (balancer === undefined || balancer.slowStart.windowMs === 0) return [];
  const hashing = algorithmsOf(document).find(({ algorithm }) => isHashing(algorithm));
  if (hashing === undefined) return [];
  const message = `slow start would move clients from node to node all the time with ${hashing.algorithm} (${hashing.path}): leave it out, or take another algorithm`;
  return [{ path: "balancer.slowStart.windowMs", message }];
}

/** A site whose own id is spoilt may be the one that is meant: then nobody can say. */
function checkFallback(document: unknown, sites: readonly ReadSite[]): ConfigIssue[] {
  const breaker = good(gatewaySchema.shape.breaker, valueAt(document, "breaker"));
  const site = breaker === undefined ? undefined : routeToOf(breaker.fallback);
  const known = sites.map(({ id: each }) => each);
  if (site === undefined || known.includes(site) || known.includes(undefined)) return [];
  return [{ path: "breaker.fallback", message: `there is no site "${site}": sites are ${known.join(", ")}` }];
}

function checkAdmission(document: unknown): ConfigIssue[] {
  const admission = good(gatewaySchema.shape.admission, valueAt(document, "admission"));
  const issue = admission === undefined ? undefined : admissionIssue(admission);
  return issue === undefined ? [] : [{ path: `admission.${issue.key}`, message: issue.message }];
}

/** A request has one key. */
function checkHashing(document: unknown): ConfigIssue[] {
  const used = algorithmsOf(document);
  const byAddress = used.find(({ algorithm }) => algorithm === "ip_hash");
  const byKey = used.find(({ algorithm }) => algorithm === "consistent_hash");
  const hashBy = good(gatewaySchema.shape.balancer, valueAt(document, "balancer"))?.hashBy;
  if (byAddress === undefined || byKey === undefined || hashBy === undefined || hashBy === "ip") return [];
  const message = `ip_hash hashes by address and ${byKey.path} by ${hashBy}: take consistent_hash for both, or hashBy ip`;
  return [{ path: byAddress.path, message }];
}

interface ReadSite {
  readonly id: string | undefined;
  readonly nodes: readonly {
    readonly id: string | undefined;
    readonly url: string | undefined;
    readonly labels: Readonly<Record<string, string>> | undefined;
  }[];
}

/** Each at its place in the list, with holes where something is not as it should be. */
function readSites(document: unknown): ReadSite[] {
  return listAt(document, "sites").map((site) => ({
    id: good(siteSchema.shape.id, valueAt(site, "id")),
    nodes: listAt(site, "nodes").map((node) => ({
      id: good(nodeSchema.shape.id, valueAt(node, "id")),
      url: good(nodeSchema.shape.url, valueAt(node, "url"))?.replace(/\/$/, ""),
      labels: good(nodeSchema.shape.labels, valueAt(node, "labels")),
    })),
  }));
}

function checkNames(sites: readonly ReadSite[]): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const siteIds = new Set<string>();
  const nodeIds = new Set<string>();
  const urls = new Set<string>();
  for (const [siteIndex, site] of sites.entries()) {
    note(siteIds, site.id, `sites.${siteIndex}.id`, "site", issues);
    for (const [nodeIndex, { id, url }] of site.nodes.entries()) {
      const path = `sites.${siteIndex}.nodes.${nodeIndex}`;
      note(nodeIds, id, `${path}.id`, "node", issues);
      note(urls, url, `${path}.url`, "url", issues);
      checkPort(url, `${path}.url`, 1, issues);
    }
  }
  return issues;
}

function note(
  seen: Set<string>,
  value: string | undefined,
  path: string,
  what: string,
  issues: ConfigIssue[],
): void {
  if (value === undefined) return;
  if (seen.has(value)) issues.push({ path, message: `${what} "${value}" stands here twice` });
  seen.add(value);
}

function checkAddresses(document: unknown): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const { listen, admin } = gatewaySchema.shape;
  checkPort(good(listen, valueAt(document, "listen")), "listen", 0, issues);
  const adminAddress = good(admin, valueAt(document, "admin"));
  if (adminAddress !== "off") checkPort(adminAddress, "admin", 0, issues);
  return issues;
}

function checkPort(address: string | undefined, path: string, min: number, issues: ConfigIssue[]): void {
  if (address === undefined) return;
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  if (port < min || port > 65_535) issues.push({ path, message: `port ${port} is not in ${min}..65535` });
}

function checkCatchment(document: unknown, sites: readonly ReadSite[]): ConfigIssue[] {
  const { shape } = gatewaySchema;
  const parsed = shape.catchment.safeParse(valueAt(document, "catchment"));
  if (!parsed.success) return [];
  const { data: catchment } = parsed;
  const issues = unknownSites(catchment, sites);
  if (good(shape.wan, valueAt(document, "wan")) !== undefined && !hasRoundTripTimes(catchment)) {
    issues.push({
      path: "wan",
      message: "there are no round-trip times to emulate: give `catchment`, and `rttMs` in `catchment.fixed`",
    });
  }
  const routing = good(shape.routing, valueAt(document, "routing"));
  if (catchment !== undefined && "nearest" in catchment && routing?.vantages.length === 0) {
    issues.push({ path: "routing.vantages", message: "`catchment.nearest` needs at least one vantage" });
  }
  return issues;
}

/** A site whose own id is spoilt may be the one that is meant: then nobody can say. */
function unknownSites(catchment: Document["catchment"], sites: readonly ReadSite[]): ConfigIssue[] {
  const known = new Set(sites.map(({ id: site }) => site));
  if (catchment === undefined || !("fixed" in catchment) || known.size === 0 || known.has(undefined))
    return [];
  return Object.entries(catchment.fixed).flatMap(([vantage, routes]) =>
    routes.flatMap((route, index) => {
      if (known.has(route.site)) return [];
      const path = `catchment.fixed.${vantage}.${index}.site`;
      return [{ path, message: `vantage "${vantage}" names the unknown site "${route.site}"` }];
    }),
  );
}

function hasRoundTripTimes(catchment: Document["catchment"]): boolean {
  if (catchment === undefined) return false;
  if (!("fixed" in catchment)) return true;
  return Object.values(catchment.fixed).some((routes) => routes.some((route) => route.rttMs > 0));
}

/** Of health, retry and hedge, as far as each is good; what their profile fills in counts as written. */
function checkTimes(document: unknown): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const { shape } = gatewaySchema;
  const health = good(shape.health, valueAt(document, "health"));
  const { timeoutMs, intervalMs } = health === undefined ? NO_TIMES : completeHealth(health);
  if (timeoutMs > intervalMs) {
    issues.push({
      path: "health.timeoutMs",
      message: `timeout ${timeoutMs} ms is longer than the interval, ${intervalMs} ms: checks would overlap`,
    });
  }
  const issue = health === undefined ? undefined : healthIssue(health);
  if (issue !== undefined) issues.push({ path: `health.${issue.key}`, message: issue.message });
  const profile = good(healthSchema.shape.profile, valueAt(valueAt(document, "health"), "profile"));
  if (profile === undefined) return issues;
  const hedge = good(shape.hedge, valueAt(document, "hedge"));
  const { floorMs, capMs } = hedge === undefined ? NO_TIMES : completeHedge(hedge, profile);
  if (floorMs > capMs) {
    issues.push({ path: "hedge.floorMs", message: `floor ${floorMs} ms is above the cap, ${capMs} ms` });
  }
  const retry = good(shape.retry, valueAt(document, "retry"));
  const { perTryTimeoutMs, totalTimeoutMs } = retry === undefined ? NO_TIMES : completeRetry(retry, profile);
  if (perTryTimeoutMs > totalTimeoutMs) {
    issues.push({
      path: "retry.perTryTimeoutMs",
      message: `${perTryTimeoutMs} ms is longer than totalTimeoutMs, ${totalTimeoutMs} ms`,
    });
  }
  return issues;
}

/** Of a section that is not good: nothing to compare. */
const NO_TIMES = { timeoutMs: 0, intervalMs: 0, floorMs: 0, capMs: 0, perTryTimeoutMs: 0, totalTimeoutMs: 0 };

/** The value as the schema has it, undefined when it is refused. */
function good<S extends z.ZodType>(schema: S, value: unknown): z.output<S> | undefined {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

function valueAt(owner: unknown, key: string): unknown {
  if (typeof owner !== "object" || owner === null) return undefined;
  return (owner as Readonly<Record<string, unknown>>)[key];
}

function listAt(owner: unknown, key: string): readonly unknown[] {
  const value = valueAt(owner, key);
  return Array.isArray(value) ? value : [];
}

function warningsOf(config: GatewayConfig): ConfigIssue[] {
  const warnings: ConfigIssue[] = [];
  for (const [index, site] of config.sites.entries()) {
    if (site.nodes.length >= 2) continue;
    warnings.push({
      path: `sites.${index}.nodes`,
      message: `site "${site.id}" has one node: its loss is the loss of the site`,
    });
  }
  warnings.push(...healthWarnings(config), ...limitWarnings(config));
  const { zone } = config.balancer;
  const zones = new Set(config.sites.flatMap(({ nodes }) => nodes.flatMap((node) => node.zone ?? [])));
  if (zone !== undefined && !zones.has(zone.id)) {
    const known =
      zones.size === 0 ? "no node tells its `zone`" : `zones of nodes are ${[...zones].join(", ")}`;
    const message = `no node is in zone "${zone.id}", so that none is preferred: ${known}`;
    warnings.push({ path: "balancer.zone.id", message });
  }
  return warnings;
}

/** The product's ceiling: whoever is silent for longer has been given requests for too long. */
const DETECTION_MS_MAX = 30_000;

function healthWarnings({ health, routing }: GatewayConfig): ConfigIssue[] {
  const worstMs = worstCaseDetectionMs(health);
  if (worstMs <= DETECTION_MS_MAX || routing.mode === "anycast-only") return [];
  const message = `a node that falls silent may be asked for ${worstMs / 1_000} s more, if no request shows it: ${DETECTION_MS_MAX / 1_000} s are the most one should allow`;
  return [{ path: "health.intervalMs", message }];
}

/** What is bounded unless somebody says otherwise, and somebody does. */
function limitWarnings({ limits }: GatewayConfig): ConfigIssue[] {
  return (["bodyRateMin", "readRateMin"] as const)
    .filter((name) => limits[name] === 0)
    .map((name) => ({
      path: `limits.${name}`,
      message: "is 0: a client may hold a connection, and a node behind it, for as long as it likes",
    }));
}

function complete(document: Document): GatewayConfig {
  const { balancer, health, hedge, retry, routing } = document;
  return {
    listen: hostPort(document.listen),
    admin: document.admin === "off" ? undefined : hostPort(document.admin),
    sites: document.sites.map((site) => ({
      id: site.id,
      algorithm: site.algorithm ?? balancer.algorithm,
      nodes: site.nodes.map((node) => ({ ...node, url: node.url.replace(/\/$/, ""), zone: node.zone })),
    })),
    routing: {
      mode: routing.mode,
      vantages: routing.vantages,
      defaultVantage: routing.defaultVantage ?? routing.vantages[0] ?? "default",
      vantageHeader: routing.vantageHeader,
    },
    catchment: document.catchment,
    balancer: {
      algorithm: balancer.algorithm,
      activeBias: balancer.activeBias,
      loadFactorPercent: Math.round(balancer.loadFactor * 100),
      hashBy: readHashBy(hasAlgorithm(document, "ip_hash") ? "ip" : balancer.hashBy),
      slowStart: balancer.slowStart,
      overprovisioningPercent: Math.round(balancer.overprovisioning * 100),
      panicPercent: balancer.panicPercent,
      zone: completeZone(balancer.zone),
    },
    sticky: completeSticky(document.sticky),
    health: completeHealth(health),
    outlier: document.outlier,
    retry: completeRetry(retry, health.profile),
    hedge: completeHedge(hedge, health.profile),
    replayBytesMax: document.body.replayBytesMax,
    spill: document.body.spill,
    resume: document.resume,
    breaker: completeBreaker(document.breaker),
    admission: completeAdmission(document.admission),
    trustedProxies: document.trustedProxies,
    proxyProtocol: document.proxyProtocol,
    webSocket: document.webSocket,
    tls: document.tls,
    nodeTls: completeNodeTls(document),
    subsets: document.subsets,
    paths: completePaths(
      document.paths,
      document.sites.map(({ id: site }) => site),
      document.subsets.map(({ id: subset }) => subset),
    ),
    resolver: document.resolver,
    tracing: document.tracing,
    serverTiming: document.serverTiming,
    cache: document.cache,
    accessLog: document.accessLog,
    serverField: document.server,
    hasRequestId: document.requestId,
    limits: document.limits,
    isWanEmulated: document.wan !== undefined,
  };
}

function completeNodeTls({ nodeTls, sites }: Document): NodeTlsConfig | undefined {
  const isSpoken = sites.some(({ nodes }) => nodes.some(({ url }) => url.startsWith("https:")));
  return isSpoken ? (nodeTls ?? nodeTlsSchema.parse({})) : undefined;
}

function hasAlgorithm({ balancer, sites }: Document, algorithm: Algorithm): boolean {
  return sites.some((site) => (site.algorithm ?? balancer.algorithm) === algorithm);
}

function completeRetry(retry: Document["retry"], profile: HealthProfileName): GatewayConfig["retry"] {
  const [perTryMs, totalMs] = profile === "demo" ? [5_000, 10_000] : [15_000, 30_000];
  return {
    attemptsMax: retry.attemptsMax,
    budgetPercent: Math.round(retry.budgetRatio * 100),
    budgetPerSecond: retry.budgetPerSecond,
    perTryTimeoutMs: retry.perTryTimeoutMs ?? Math.min(perTryMs, retry.totalTimeoutMs ?? Infinity),
    totalTimeoutMs: retry.totalTimeoutMs ?? Math.max(totalMs, retry.perTryTimeoutMs ?? 0),
    statuses: retry.statuses,
    nonIdempotent: retry.nonIdempotent,
    deadlineHeader: retry.deadlineHeader,
  };
}

function completeHedge(hedge: Document["hedge"], profile: HealthProfileName): GatewayConfig["hedge"] {
  return {
    isEnabled: hedge.isEnabled,
    initialMs: hedge.initialDelayMs,
    floorMs: hedge.floorMs,
    capMs: hedge.capMs ?? Math.max(hedge.floorMs, profile === "demo" ? 150 : 1_000),
    budgetPercent: Math.round(hedge.budgetRatio * 100),
    budgetPerSecond: hedge.budgetPerSecond,
  };
}

function hostPort(address: string): HostPort {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
