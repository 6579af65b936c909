/**
 * Changes of a service by their names, each made of acts: a loss, a farewell, a flap, a session that is reset, a site that
 * joins or moves, a leak. Who announces nothing at first is not among the sources of the plan.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import type { Source } from "#sim/anycast/solve.ts";
import type { Act } from "./acts.ts";
import { drawDetectionUs, isPerSession, type Detection } from "./detection.ts";

export interface NamedSite extends Source {
  readonly site: string;
}

/**
 * The site is dead at once, and its neighbours find out. Where each finds out by itself (hold timer, BFD), a site that is
 * a router of its own is dropped session by session; inside an AS of the graph it is one session, and the AS withdraws.
 */
export function losing(
  graph: AsGraph,
  { site, vertex }: NamedSite,
  { detection, isRouter }: { readonly detection: Detection; readonly isRouter: boolean },
  prng: Prng,
): Act[] {
  const fails: Act = { atUs: 0, kind: "fail", vertex, what: `${site} fails` };
  if (!isRouter || !isPerSession(detection)) {
    const atUs = drawDetectionUs(detection, prng);
    return [fails, { atUs, kind: "withdraw", vertex, what: `${site} withdraws` }];
  }
  const closes: Act[] = [];
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    closes.push({ atUs: drawDetectionUs(detection, prng), kind: "close", slot: graph.reverse[slot]! });
  }
  closes.sort((x, y) => x.atUs - y.atUs);
  const [first, ...others] = closes;
  const lastUs = closes.at(-1)?.atUs ?? 0;
  return [
    fails,
    ...(first === undefined ? [] : [{ ...first, what: `the first neighbour of ${site} drops its session` }]),
    ...others,
    { atUs: lastUs, kind: "withdraw", vertex, what: `nobody has a session with ${site} any more` },
  ];
}

/** It asks its clients to leave (RFC 8326), serves them meanwhile, and is switched off after `waitUs`. */
export function leavingGracefully({ site, vertex, ...marks }: NamedSite, waitUs: number): Act[] {
  return [
    {
      atUs: 0,
      kind: "announce",
      vertex,
      marks: { ...marks, isGraceful: true },
      what: `${site} announces GRACEFUL_SHUTDOWN`,
    },
    { atUs: waitUs, kind: "fail", vertex, what: `${site} is switched off and withdraws` },
    { atUs: waitUs, kind: "withdraw", vertex },
  ];
}

export interface Flap {
  readonly times: number;
  readonly downUs: number;
  readonly upUs: number;
}

/** It goes and comes back, again and again; while it is away it serves nobody. */
export function flapping({ site, vertex, ...marks }: NamedSite, { times, downUs, upUs }: Flap): Act[] {
  const acts: Act[] = [];
  for (let flap = 0; flap < times; flap++) {
    const goneUs = flap * (downUs + upUs);
    const backUs = goneUs + downUs;
    const count = `${flap + 1} of ${times}`;
    acts.push(
      { atUs: goneUs, kind: "fail", vertex, what: `${site} withdraws, ${count}` },
      { atUs: goneUs, kind: "withdraw", vertex },
      { atUs: backUs, kind: "recover", vertex, what: `${site} announces again, ${count}` },
      { atUs: backUs, kind: "announce", vertex, marks },
    );
  }
  return acts;
}

/** One session of the site is reset, and comes back after `downUs`; both ends know at once. */
export function resettingSession(
  graph: AsGraph,
  { site, vertex }: NamedSite,
  neighbor: number,
  downUs: number,
): Act[] {
  const slot = slotTo(graph, vertex, neighbor);
  const withWhom = `with AS ${graph.asn[neighbor]}`;
  return [
    { atUs: 0, kind: "close", slot, what: `the session of ${site} ${withWhom} is reset` },
    { atUs: 0, kind: "close", slot: graph.reverse[slot]! },
    { atUs: downUs, kind: "open", slot, what: `the session of ${site} ${withWhom} is back` },
  ];
}

/** A site that was not there begins to announce. */
export function joining({ site, vertex, ...marks }: NamedSite): Act[] {
  return [{ atUs: 0, kind: "announce", vertex, marks, what: `${site} announces` }];
}

/** One site takes the place of another: it announces, and `overlapUs` later, or before it when that is negative, the other goes. */
export function moving(from: NamedSite, to: NamedSite, overlapUs: number): Act[] {
  const goesUs = Math.max(0, overlapUs);
  const comesUs = Math.max(0, -overlapUs);
  const { site, vertex, ...marks } = to;
  const comes: Act[] = [{ atUs: comesUs, kind: "announce", vertex, marks, what: `${site} announces` }];
  const goes: Act[] = [
    { atUs: goesUs, kind: "fail", vertex: from.vertex, what: `${from.site} is switched off and withdraws` },
    { atUs: goesUs, kind: "withdraw", vertex: from.vertex },
  ];
  return goesUs < comesUs ? [...goes, ...comes] : [...comes, ...goes];
}

/** An AS tells everybody what it has from providers and peers (RFC 7908 types 1 to 4), until somebody filters it. */
export function leaking(graph: AsGraph, vertex: number, forUs: number): Act[] {
  const as = `AS ${graph.asn[vertex]}`;
  return [
    { atUs: 0, kind: "leak", vertex, what: `${as} leaks` },
    { atUs: forUs, kind: "stop-leak", vertex, what: `${as} leaks no more` },
  ];
}

function slotTo(graph: AsGraph, vertex: number, neighbor: number): number {
  const end = graph.offsets[vertex + 1]!;
  for (let slot = graph.offsets[vertex]!; slot < end; slot++) {
    if (graph.neighbors[slot] === neighbor) return slot;
  }
  invariant(false, "a session of neighbours");
}
