/**
 * A world from a seed: a configuration within what the schema allows, nodes, faults that come and go, clients. In a third of
 * them one node alone is ever at fault and the budgets are the defaults: there nothing at all may be lost.
 */
import { Prng } from "#core/prng.ts";
import { ALGORITHMS, isHashing } from "#gateway/balancer/create-balancer.ts";
import { parseGatewayConfig, type GatewayConfig } from "#gateway/config.ts";
import { NODE_STATES, type NodeState } from "./virtual-node.ts";

export interface Fault {
  readonly atMs: number;
  readonly node: number;
  readonly state: NodeState;
}

export interface ClientRequest {
  readonly atMs: number;
  readonly method: "GET" | "POST";
  readonly hasKey: boolean;
  readonly address: string;
  /** It leaves after so long; undefined: it waits. */
  readonly patienceMs: number | undefined;
}

export interface World {
  readonly seed: number;
  readonly config: GatewayConfig;
  readonly nodes: readonly { readonly thinkMs: number; readonly rttMs: number }[];
  /** Bodies can be gone on with elsewhere. */
  readonly hasRanges: boolean;
  /** At most this node is ever at fault, and never for good. */
  readonly onlyFaulty: number | undefined;
  readonly faults: readonly Fault[];
  readonly requests: readonly ClientRequest[];
  /** Faults begin after `warmMs`, and have ended at `healedMs`; the last requests are sent from `provenMs` on. */
  readonly warmMs: number;
  readonly healedMs: number;
  readonly provenMs: number;
  readonly endMs: number;
}

const NODES_MAX = 6;
const ZONES = ["a", "b", "c"];
const LAST_REQUESTS = 30;
const EJECTION_MS_MAX = 6_000;
const BREAKER_MS_MAX = 2_000;

export function worldOf(seed: number): World {
  const prng = new Prng(seed);
  const shape = prng.fork("shape");
  const siteCount = shape.integer(1, 3);
  const nodesOfSite = Array.from({ length: siteCount }, () => shape.integer(1, NODES_MAX));
  if (siteCount === 1 && nodesOfSite[0] === 1) nodesOfSite[0] = 2;
  const nodeCount = nodesOfSite.reduce((sum, count) => sum + count, 0);
  const onlyFaulty = shape.chance(1, 3) ? shape.integer(0, nodeCount - 1) : undefined;
  // A few go on for longer than budgets look back.
  const isLong = shape.chance(1, 16);
  const isGentle = onlyFaulty !== undefined;
  const places = placesOf(prng.fork("places"), nodesOfSite, isGentle);
  const config = configOf(prng.fork("config"), nodesOfSite, places, isGentle, isLong);
  const { health } = config;
  const warmMs = (health.healthyThreshold + 1) * (health.intervalMs + health.timeoutMs);
  const healedMs = warmMs + (isLong ? shape.integer(14_000, 20_000) : shape.integer(1_500, 5_000));
  const returnMs =
    (health.healthyThreshold + 1) *
    (Math.max(health.intervalMs, health.unhealthyIntervalMs) + health.timeoutMs);
  const provenMs =
    healedMs + EJECTION_MS_MAX + BREAKER_MS_MAX + returnMs + config.balancer.slowStart.windowMs + 1_000;
  const endMs = provenMs + 2_000;
  const thinkMs = shape.integer(1, 12);
  // Where nodes are compared by their times, those in good health are alike.
  const isAlike = config.outlier.latencyFactor > 0;
  return {
    seed,
    config,
    nodes: Array.from({ length: nodeCount }, () => ({
      thinkMs: isAlike ? thinkMs : shape.integer(1, 12),
      rttMs: isAlike ? 2 : 2 * shape.integer(0, 4),
    })),
    hasRanges: onlyFaulty !== undefined || shape.chance(1, 2),
    onlyFaulty,
    faults: faultsOf(prng.fork("faults"), nodeCount, onlyFaulty, warmMs, healedMs),
    requests: [
      ...requestsOf(prng.fork("requests"), warmMs, healedMs, isLong ? 30 : shape.integer(20, 120)),
      // Few, so that breakers may try: what is half open closes by its calls.
      ...requestsOf(prng.fork("between"), healedMs, provenMs, 8, 4),
      ...Array.from({ length: LAST_REQUESTS }, (_, index) => ({
        atMs: provenMs + index * 20,
        method: "GET" as const,
        hasKey: false,
        address: `192.0.2.${index}`,
        patienceMs: undefined,
      })),
    ],
    warmMs,
    healedMs,
    provenMs,
    endMs: endMs + config.retry.totalTimeoutMs,
  };
}

function configOf(
  prng: Prng,
  nodesOfSite: readonly number[],
  places: Places,
  isGentle: boolean,
  isLong: boolean,
): GatewayConfig {
  const oneOf = <T>(...choices: readonly T[]): T => choices[prng.integer(0, choices.length - 1)]!;
  const perTryTimeoutMs = oneOf(300, 700, 1_500);
  const retry = isGentle
    ? { attemptsMax: oneOf(3, 4), totalTimeoutMs: perTryTimeoutMs * 6 }
    : {
        // Six times is more than all attempts together take; less, and the deadline ends requests.
        totalTimeoutMs: perTryTimeoutMs * oneOf(1, 2, 6),
        attemptsMax: oneOf(1, 2, 3, 5),
        budgetRatio: isLong ? oneOf(0.02, 0.05) : oneOf(0, 0.1, 0.2),
        budgetPerSecond: isLong ? 0 : oneOf(0, 1, 10),
        statuses: oneOf([502, 503, 504], []),
      };
  const algorithms = nodesOfSite.map(() => oneOf(...ALGORITHMS));
  const isAnyHashing = algorithms.some((algorithm) => isHashing(algorithm));
  const document = {
    sites: nodesOfSite.map((count, site) => ({
      id: `s${site}`,
      algorithm: algorithms[site]!,
      nodes: Array.from({ length: count }, (_, node) => ({
        id: `s${site}-${node}`,
        url: `http://127.0.0.1:${1_000 + site * 100 + node}`,
        weight: oneOf(100, 100, 50, 200),
        ...places.ofNode(site, node),
      })),
    })),
    ...places.document,
    balancer: {
      ...places.balancer,
      overprovisioning: oneOf(0, 1.4),
      slowStart: {
        windowMs: isAnyHashing ? 0 : oneOf(0, 1_000, 3_000),
        aggression: oneOf(1, 2),
        minPercent: oneOf(10, 40),
      },
    },
    health: {
      intervalMs: oneOf(100, 300),
      timeoutMs: oneOf(50, 100),
      healthyThreshold: oneOf(1, 2, 3),
      unhealthyThreshold: oneOf(1, 2, 3),
      kind: "tcp",
    },
    outlier: {
      consecutiveErrors: oneOf(0, 3, 5),
      ejectionBaseMs: oneOf(200, 1_000),
      ejectionMaxMs: oneOf(1_000, 2_000),
      shareMaxPercent: oneOf(20, 50, 100),
      intervalMs: 1_000,
      requestsMin: 5,
      failurePercent: oneOf(0, 50, 85),
      successRateSigma: oneOf(0, 1.9),
      latencyFactor: oneOf(0, 3),
      silencePhi: oneOf(0, 8),
      silenceDeviationMinMs: oneOf(20, 100),
      probeIntervalMs: oneOf(0, 0, 100),
      isEndedByChecks: oneOf(false, true),
    },
    hedge: {
      isEnabled: oneOf(true, true, false),
      ...(isGentle ? {} : { budgetRatio: oneOf(0, 0.1, 0.2), budgetPerSecond: oneOf(0, 1, 10) }),
    },
    retry: { ...retry, perTryTimeoutMs },
    resume: { stallTimeoutMs: oneOf(200, 1_000), ...(isGentle ? {} : { resumesMax: oneOf(1, 2, 16) }) },
    ...(isGentle || !prng.chance(1, 4) ? {} : { admission: admissionOf(oneOf) }),
    ...(isGentle || prng.chance(1, 2) ? {} : { breaker: breakerOf(oneOf) }),
    ...(prng.chance(1, 5) ? { sticky: { enabled: true, by: "ip" } } : {}),
  };
  const parsed = parseGatewayConfig(document);
  if (!parsed.ok) throw new Error(`the world's configuration: ${JSON.stringify(parsed.issues)}`);
  return parsed.config;
}

interface Places {
  readonly ofNode: (site: number, node: number) => object;
  readonly balancer: object;
  readonly document: object;
}

/** Zones in half of the worlds, subsets in half: of two versions, for clients by their address. */
function placesOf(prng: Prng, nodesOfSite: readonly number[], isGentle: boolean): Places {
  const oneOf = <T>(...choices: readonly T[]): T => choices[prng.integer(0, choices.length - 1)]!;
  const zoneCount = oneOf(0, 0, 2, 3);
  const zoneOf = nodesOfSite.map((count) =>
    Array.from({ length: count }, () =>
      zoneCount === 0 ? undefined : ZONES[prng.integer(0, zoneCount - 1)],
    ),
  );
  const versionOf = nodesOfSite.map((count) => Array.from({ length: count }, () => oneOf("v1", "v2")));
  const versions = versionOf.flat();
  const hasSubsets = prng.chance(1, 2) && new Set(versions).size === 2;
  // One faulty node must not be all that a request may be given to.
  const isAlone = (version: string): boolean =>
    isGentle && versions.filter((each) => each === version).length === 1;
  const subsets = ["v1", "v2"].map((version, index) => ({
    id: version,
    labels: { version },
    fallback: isAlone(version) ? "any" : oneOf("fail", "any", ...(index === 1 ? ["v1"] : [])),
  }));
  const percent = oneOf(5, 50);
  const split = [
    { subset: "v2", percent },
    { subset: "v1", percent: 100 - percent },
  ];
  const zone = {
    id: "a",
    overprovisioning: oneOf(1, 1.4, 2),
    trafficPercent: oneOf(undefined, undefined, 50, 90),
    nodesMin: oneOf(1, 1, 2),
  };
  return {
    ofNode: (site, node) => ({
      zone: zoneOf[site]![node],
      labels: hasSubsets ? { version: versionOf[site]![node]! } : {},
    }),
    balancer: zoneCount > 0 && prng.chance(3, 4) ? { zone } : {},
    document: hasSubsets ? { subsets, paths: [{ id: "all", match: ["/**"], split }] } : {},
  };
}

function breakerOf(oneOf: <T>(...choices: readonly T[]) => T): object {
  const waitDurationInOpenMs = oneOf(300, BREAKER_MS_MAX / 2);
  return oneOf<object>(
    {
      mode: "consecutive",
      failureThreshold: oneOf(2, 5),
      timeoutMs: waitDurationInOpenMs,
      permittedCallsInHalfOpen: oneOf(1, 5),
    },
    {
      mode: "rate",
      slidingWindowSize: 20,
      minimumCalls: oneOf(4, 10),
      permittedCallsInHalfOpen: oneOf(1, 3),
      waitDurationInOpenMs,
    },
  );
}

/** Places for those that come when all is well; too few when nodes are silent. */
function admissionOf(oneOf: <T>(...choices: readonly T[]) => T): object {
  const activeInitial = oneOf(6, 15);
  return {
    activeMax: oneOf(15, 40),
    waitingMax: oneOf(0, 10, 30),
    waitTimeoutMs: oneOf(100, 600, 3_000),
    waitTargetMs: oneOf(0, 50),
    ...oneOf<object>(
      { activeMax: activeInitial },
      {
        adaptive: {
          algorithm: oneOf("gradient", "gradient", "aimd"),
          activeMin: oneOf(4, 6),
          activeInitial,
          windowMs: 50,
          samplesMin: 10,
          measureIntervalMs: 1_000,
          latencyMaxMs: oneOf(60, 200),
        },
      },
    ),
  };
}

function faultsOf(
  prng: Prng,
  nodeCount: number,
  onlyFaulty: number | undefined,
  fromMs: number,
  toMs: number,
): Fault[] {
  const bad = NODE_STATES.filter((state) => state !== "well");
  const faults: Fault[] = [];
  for (let node = 0; node < nodeCount; node++) {
    if (onlyFaulty === undefined ? prng.chance(1, 3) : node !== onlyFaulty) continue;
    for (let atMs = fromMs + prng.integer(0, 1_000); atMs < toMs; atMs += prng.integer(20, 1_500)) {
      const state = prng.chance(1, 3) ? "well" : bad[prng.integer(0, bad.length - 1)]!;
      faults.push({ atMs, node, state });
    }
    faults.push({ atMs: toMs, node, state: "well" });
  }
  return faults;
}

/** One in `hastyOne` clients leaves before long. */
function requestsOf(
  prng: Prng,
  fromMs: number,
  toMs: number,
  perSecond: number,
  hastyOne = 20,
): ClientRequest[] {
  const requests: ClientRequest[] = [];
  const gapMs = Math.floor(2_000 / perSecond);
  for (let atMs = fromMs; atMs < toMs; atMs += prng.integer(0, gapMs)) {
    const isPost = prng.chance(1, 6);
    requests.push({
      atMs,
      method: isPost ? "POST" : "GET",
      hasKey: isPost && prng.chance(1, 2),
      address: `192.0.2.${prng.integer(1, 40)}`,
      patienceMs: prng.chance(1, hastyOne) ? prng.integer(0, prng.chance(1, 2) ? 10 : 300) : undefined,
    });
  }
  return requests;
}
