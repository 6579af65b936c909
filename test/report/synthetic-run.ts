/**
 * A made-up run of the golden scenario: 14 cities, a kill of ny1, journal and request log as a lab would write them, all
 * from one seed. It serves to look at the renderings; the measures are tested on small runs computed by hand.
 */
import { CITIES, SITES } from "#core/geography/cities.ts";
import { rttUs } from "#core/geography/rtt.ts";
import { Prng } from "#core/prng.ts";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import { LOAD_SCHEMA, TEST_SCHEMA, type Percentiles, type SpeedTest } from "#core/wire/measure.ts";
import type { RequestRecord } from "#loadtest/load/request-record.ts";
import type { FailoverEvidence } from "#loadtest/report/evidence.ts";

const MS = 1e6;
const START_NS = 50_000 * MS;
const FAULT_NS = 62_000 * MS;
const MOVE_NS = FAULT_NS + 412 * MS;
const REVIVE_NS = FAULT_NS + 22_000 * MS;
const BACK_NS = REVIVE_NS + 1_480 * MS;
const END_NS = REVIVE_NS + 11_000 * MS;
const RATE = 500;

/** `failUntilMs`: New York's requests due before this time after the fault fail, as on the bare network. */
export function syntheticRun(failUntilMs = 0): FailoverEvidence {
  const random = new Prng(7);
  const draw = (): number => random.uint32() / 2 ** 32;
  const requests = syntheticRequests(draw, failUntilMs);
  const failed = requests.filter((request) => request.error !== null).length;
  return {
    meta: {
      version: "0.1.0",
      startedAt: "2026-11-24T15:20:41.000Z",
      command: "npm start -- --script --how kill --seed 7",
      target: "ny1",
      how: "kill",
      nodes: ["ny1-1", "ny1-2"],
      mode: failUntilMs > 0 ? "anycast-only" : "anycast",
      seed: 7,
      isStrict: true,
      machine: {
        cpuModel: "Example CPU @ 2.6 GHz",
        coreCount: 2,
        memoryBytes: 8 * 1024 ** 3,
        os: "Linux 6.1",
        nodeVersion: "24.21.0",
      },
      boxNoise: { seconds: 46, stolenCores: 0.004, foreignCores: 0.021 },
      emulated: [
        "The wide-area delay of each request.",
        "The Internet between the sites: a simulated AS graph.",
      ],
    },
    verdict: "held",
    voidReasons: [],
    steps: [
      held("steady state", "14 cities, all 200, each from its own site", "all of them"),
      held("fault confirmed", "kill seen to have worked on ny1-1, ny1-2", "confirmed on all"),
      held("the network moves those it should", "new-york to la1", "as predicted"),
      held("times while it is down", "new-york 231.1 ms from la1 (+-10 %)", "new-york 232.4 ms from la1"),
      held("nothing lost", "0 failed GET requests", `${failed} of ${requests.length} failed`),
    ],
    predicted: {
      moves: [{ vantage: "new-york", from: "ny1", to: "la1" }],
      lossMin: 0,
      lossMean: 15,
      lossMax: 36,
      basis: "New York's share of the rate until the withdrawal has reached it: at most one second.",
    },
    events: syntheticEvents(),
    loadResult: {
      schema: LOAD_SCHEMA,
      url: "http://127.0.0.1:8080/",
      seed: 7,
      rate: RATE,
      startNs: START_NS,
      endNs: END_NS,
      planned: requests.length,
      sent: requests.length,
      ok: requests.length - failed,
      failed: failed === 0 ? {} : { refused: failed },
      failedTotal: failed,
      failureBound: failed === 0 ? 3 / requests.length : null,
      latency: percentiles(),
      ttfb: percentiles(),
      sendLag: { p50: 0.1, p90: 0.3, p99: 0.9, p999: 2.1, max: 7 },
      cohorts: [],
      vantages: CITIES.map((city) => ({
        vantage: city.id,
        sent: 1,
        ok: 1,
        failed: 0,
        sites: {},
        latency: percentiles(),
      })),
      duplicated: 0,
      isVoid: false,
      voidReasons: [],
    },
    requests,
    tests: [
      syntheticTest("before", START_NS + 4000 * MS, "ny1", draw),
      syntheticTest("during", FAULT_NS + 8000 * MS, "la1", draw),
      syntheticTest("after", BACK_NS + 4000 * MS, "ny1", draw),
    ],
  };
}

function syntheticRequests(draw: () => number, failUntilMs: number): RequestRecord[] {
  const requests: RequestRecord[] = [];
  const count = Math.floor(((END_NS - START_NS) / 1e9) * RATE);
  for (let index = 0; index < count; index++) {
    const dueNs = START_NS + (index * 1e9) / RATE;
    const city = CITIES[Math.floor(draw() * CITIES.length)]!;
    const isReused = draw() < 0.5;
    const site = siteAt(city.id, dueNs);
    const isRescued = city.id === "new-york" && dueNs >= FAULT_NS && dueNs < MOVE_NS;
    const isFailed = isRescued && dueNs < FAULT_NS + failUntilMs * MS;
    const wireMs = rttMs(city.id, site) * (isReused && !isRescued ? 1 : 3);
    const ttfbMs = 25 + wireMs + draw() * 1.5 + (draw() < 0.004 ? draw() * 60 : 0);
    const endNs = dueNs + Math.round((isFailed ? 3 : ttfbMs + 0.4) * MS);
    requests.push({
      index,
      dueNs,
      sentNs: dueNs + 100_000,
      connectNs: isReused ? null : dueNs + 200_000,
      firstByteNs: isFailed ? null : dueNs + Math.round(ttfbMs * MS),
      endNs,
      status: isFailed ? null : 200,
      error: isFailed ? "refused" : null,
      node: isFailed ? null : `${site}-${draw() < 0.5 ? 1 : 2}`,
      site: isFailed ? null : site,
      cohort: isReused ? "keep-alive" : "fresh",
      vantage: city.id,
      method: "GET",
      isReused,
    });
  }
  return requests;
}

function siteAt(city: string, atNs: number): string {
  if (city === "new-york" && atNs >= FAULT_NS && atNs < BACK_NS) return "la1";
  return homeOf(city);
}

function homeOf(city: string): string {
  const own = SITES.find((site) => site.city === city);
  if (own !== undefined) return own.site;
  const served: Record<string, string> = {
    london: "ams1",
    frankfurt: "ams1",
    "san-francisco": "la1",
    shanghai: "hgh1",
    singapore: "hkg1",
  };
  return served[city]!;
}

function syntheticEvents(): JournalEvent[] {
  const at: [number, EventBody][] = [
    [FAULT_NS, { kind: "fault.injected", target: "ny1", how: "kill", nodes: ["ny1-1", "ny1-2"] }],
    [FAULT_NS + 1.9 * MS, routerDown("ny1-1")],
    [FAULT_NS + 2.2 * MS, routerDown("ny1-2")],
    [FAULT_NS + 2.3 * MS, { kind: "site.withdrawn", site: "ny1", reason: "no node left" }],
    [FAULT_NS + 3.1 * MS, gatewayNode("ny1-1", "ejected", "ECONNRESET")],
    [FAULT_NS + 4.4 * MS, gatewayNode("ny1-2", "ejected", "ECONNREFUSED")],
    [FAULT_NS + 5.2 * MS, confirmed("ny1-1")],
    [FAULT_NS + 5.9 * MS, confirmed("ny1-2")],
    [
      FAULT_NS + 80 * MS,
      {
        kind: "gateway.window",
        fromNs: FAULT_NS - 20 * MS,
        requests: 50,
        failed: 0,
        rescued: 4,
        hedged: 0,
        resets: 0,
      },
    ],
    [MOVE_NS, { kind: "vantage.moved", vantage: "new-york", from: "ny1", to: "la1", revision: 31 }],
    [MOVE_NS + 96 * MS, { kind: "routes.settled", revision: 31, durationMs: 505 }],
    [REVIVE_NS, { kind: "revive.asked", target: "ny1", nodes: ["ny1-1", "ny1-2"] }],
    [REVIVE_NS + 420 * MS, { kind: "node.serving", node: "ny1-1", state: "ready", reason: "own check 200" }],
    [REVIVE_NS + 455 * MS, { kind: "node.serving", node: "ny1-2", state: "ready", reason: "own check 200" }],
    [REVIVE_NS + 610 * MS, { kind: "bgp.announced", node: "ny1-1", isGracefulShutdown: false }],
    [REVIVE_NS + 640 * MS, { kind: "bgp.announced", node: "ny1-2", isGracefulShutdown: false }],
    [REVIVE_NS + 700 * MS, gatewayNode("ny1-1", "healthy", "2 checks passed")],
    [REVIVE_NS + 720 * MS, gatewayNode("ny1-2", "healthy", "2 checks passed")],
    [BACK_NS, { kind: "vantage.moved", vantage: "new-york", from: "la1", to: "ny1", revision: 58 }],
    [BACK_NS + 40 * MS, { kind: "routes.settled", revision: 58, durationMs: 900 }],
  ];
  return at.map(([atNs, body], index) => ({ ...body, atNs, source: "lab", seq: index + 1 }));
}

function routerDown(node: string): EventBody {
  return { kind: "router.session", site: "ny1", node, state: "down", reason: "connection reset" };
}

function confirmed(node: string): EventBody {
  return { kind: "fault.confirmed", target: "ny1", how: "kill", node, evidence: "exit by SIGKILL" };
}

function gatewayNode(node: string, to: "ejected" | "healthy", reason: string): EventBody {
  const from = to === "healthy" ? "ejected" : "healthy";
  return { kind: "gateway.node", node, site: "ny1", from, to, reason };
}

function syntheticTest(label: string, startNs: number, newYork: string, draw: () => number): SpeedTest {
  return {
    schema: TEST_SCHEMA,
    originSite: "ny1",
    label,
    url: "http://127.0.0.1:8080/",
    takenAt: "2026-11-24T15:20:45.000Z",
    startNs,
    rounds: 9,
    rows: CITIES.map((city) => {
      const site = city.id === "new-york" ? newYork : homeOf(city.id);
      const ttfbMs = 25 + 3 * rttMs(city.id, site) + draw();
      return {
        vantage: city.id,
        city: city.name,
        samples: [],
        status: 200,
        site,
        connectMs: 0.2,
        ttfbMs,
        totalMs: ttfbMs + 0.4,
        floorMs: 1.5 * rttMs(city.id, site),
        singleOriginMs: 25 + 3 * rttMs(city.id, "hgh1"),
      };
    }),
  };
}

function rttMs(city: string, site: string): number {
  return rttUs(city, site)! / 1000;
}

function held(name: string, expected: string, measured: string): FailoverEvidence["steps"][number] {
  return { name, state: "held", isTiming: false, expected, measured };
}

function percentiles(): Percentiles {
  return { p50: 30, p90: 60, p99: 120, p999: 180, max: 300 };
}
