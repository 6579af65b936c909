/**
 * One death, played on a service however it finds its clients: what each of them goes through.
 *
 *     one site        whoever was served there waits until somebody repairs it
 *     several servers behind a balancer: a share of the requests is lost until its checks take the dead one out
 *     DNS             its checks find out, then each client keeps its answer until that has run out (a law, not played)
 *     anycast         the site is found dead, withdraws, and BGP carries that to each client (played, message by message)
 *
 * The checks' law is U(0, I) + n c + (n-1) I: a failure at any moment of a period, n failures of c each. A resolver asked
 * at any moment of the time to live: U(0, TTL) is left. Clients of one death share the detection; each has a resolver of
 * its own.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import type { Catchment } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import type { Act } from "./acts.ts";
import { losing, type NamedSite } from "./change.ts";
import { drawDetectionUs, type Detection } from "./detection.ts";
import type { History } from "./histories.ts";
import { playChange } from "./play-change.ts";

export interface Service {
  readonly graph: AsGraph;
  readonly sites: readonly NamedSite[];
  /** The catchment of all sites; what an anycast service serves by. */
  readonly solved: Catchment;
  readonly routersFrom: number;
  readonly timing: EngineOptions;
  /** At each site. */
  readonly servers: number;
  /** How dead servers are found; undefined: nobody looks. */
  readonly detection: Detection | undefined;
  readonly steering: { readonly kind: "anycast" } | { readonly kind: "dns"; readonly ttlUs: number };
  /** Who asks. `rttUs` to each site, in their order; undefined: nobody can say. */
  readonly clients: readonly { readonly vertex: number; readonly rttUs: readonly (number | undefined)[] }[];
}

export interface ClientLoss {
  /** Some request of its fails, or its site changes. */
  readonly isAffected: boolean;
  /** Share of its requests that fail, times µs; Infinity: until somebody repairs it. */
  readonly lostUs: number;
  /** From then on none of them fails. */
  readonly servedAgainUs: number;
  /** µs; undefined: nobody can say, or nobody serves it. */
  readonly rttBeforeUs: number | undefined;
  readonly rttAfterUs: number | undefined;
}

export interface Death {
  /** Position of the site. */
  readonly at: number;
  /** One of its servers, or all. */
  readonly of: "server" | "site";
}

const UNTOUCHED = { isAffected: false, lostUs: 0, servedAgainUs: 0 };

/** For each client, in order. */
export function playDeath(service: Service, death: Death, prng: Prng): ClientLoss[] {
  const { servers, detection, steering, sites } = service;
  const chance = prng.fork("detection");
  const drawFoundUs = (): number => (detection === undefined ? Infinity : drawDetectionUs(detection, chance));
  if (death.of === "server" && servers > 1) return losingServer(service, death, drawFoundUs());
  if (sites.length === 1) return losingAll(service);
  if (steering.kind === "dns") {
    return losingSiteByDns(service, death, drawFoundUs(), steering.ttlUs, prng.fork("resolvers"));
  }
  return losingSiteByAnycast(service, death, chance, prng);
}

/** Position of the site that serves each client; -1 nobody. */
function servedAt(service: Service, without?: number): number[] {
  const { clients, sites, solved, steering } = service;
  if (steering.kind === "anycast" && without === undefined) {
    return clients.map(({ vertex }) => sites.findIndex((site) => site.vertex === solved.site[vertex]));
  }
  return clients.map(({ rttUs }) => nearest(rttUs, without));
}

/** The first of those nobody can say the distance of, where that is true of all. */
function nearest(rttUs: readonly (number | undefined)[], without: number | undefined): number {
  let best = -1;
  for (const [index, us] of rttUs.entries()) {
    if (index === without) continue;
    if (best === -1 || (us ?? Infinity) < (rttUs[best] ?? Infinity)) best = index;
  }
  return best;
}

function losingServer(service: Service, { at }: Death, foundUs: number): ClientLoss[] {
  return servedAt(service).map((site, client) => {
    const rttUs = service.clients[client]!.rttUs[site];
    if (site !== at) return { ...UNTOUCHED, rttBeforeUs: rttUs, rttAfterUs: rttUs };
    return {
      isAffected: true,
      lostUs: foundUs / service.servers,
      servedAgainUs: foundUs,
      rttBeforeUs: rttUs,
      rttAfterUs: rttUs,
    };
  });
}

function losingAll({ clients }: Service): ClientLoss[] {
  return clients.map(({ rttUs }) => ({
    isAffected: true,
    lostUs: Infinity,
    servedAgainUs: Infinity,
    rttBeforeUs: rttUs[0],
    rttAfterUs: undefined,
  }));
}

function losingSiteByDns(
  service: Service,
  { at }: Death,
  foundUs: number,
  ttlUs: number,
  prng: Prng,
): ClientLoss[] {
  const before = servedAt(service);
  const after = servedAt(service, at);
  return service.clients.map(({ rttUs }, client) => {
    // Drawn for all, so that one client more shifts nobody else's.
    const leftUs = prng.integer(0, ttlUs);
    const rttBeforeUs = rttUs[before[client]!];
    if (before[client] !== at) return { ...UNTOUCHED, rttBeforeUs, rttAfterUs: rttBeforeUs };
    const lostUs = foundUs + leftUs;
    return {
      isAffected: true,
      lostUs,
      servedAgainUs: lostUs,
      rttBeforeUs,
      rttAfterUs: rttUs[after[client]!],
    };
  });
}

function losingSiteByAnycast(service: Service, { at }: Death, chance: Prng, prng: Prng): ClientLoss[] {
  const { graph, sites, solved, routersFrom, timing, clients, detection } = service;
  const site = sites[at]!;
  const acts: Act[] =
    detection === undefined
      ? [{ atUs: 0, kind: "fail", vertex: site.vertex }]
      : losing(graph, site, { detection, isRouter: site.vertex >= routersFrom }, chance);
  const vertices = [...new Set(clients.map(({ vertex }) => vertex))];
  const run = playChange(
    {
      graph,
      sources: sites,
      solved,
      routersFrom,
      acts,
      clients: vertices,
      observers: vertices,
      timing,
      weights: equalWeights(graph),
    },
    prng,
  );
  const historyOf = new Map(run.histories.map((history) => [history.vertex, history]));
  const positionOf = new Map(sites.map(({ vertex }, index) => [vertex, index]));
  return clients.map(({ vertex, rttUs }) => lossOf(historyOf.get(vertex)!, solved, positionOf, rttUs));
}

function lossOf(
  { vertex, steps }: History,
  { site }: Catchment,
  positionOf: ReadonlyMap<number, number>,
  rttUs: readonly (number | undefined)[],
): ClientLoss {
  let lostUs = 0;
  let servedAgainUs = 0;
  for (const [index, { atUs, fate }] of steps.entries()) {
    if (fate === "right") continue;
    const endUs = steps[index + 1]?.atUs ?? Infinity;
    lostUs += endUs - atUs;
    servedAgainUs = endUs;
  }
  const last = steps.at(-1);
  invariant(last !== undefined, "a client is looked at when the change begins");
  const before = positionOf.get(site[vertex]!);
  const after = last.fate === "right" ? positionOf.get(last.way.at(-1)!) : undefined;
  return {
    isAffected: lostUs > 0 || before !== after,
    lostUs,
    servedAgainUs,
    rttBeforeUs: before === undefined ? undefined : rttUs[before],
    rttAfterUs: after === undefined ? undefined : rttUs[after],
  };
}
