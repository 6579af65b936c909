/**
 * The speed test: every city asks once a round on a connection of its own, all cities at the same time, so that each
 * request is cold. Times are those of a client: connection, first byte, last byte.
 *
 * Starts within a round are spread by `STAGGER_MS`: fourteen answers that arrive in the same millisecond would wait for
 * each other in this process and in the gateway, and the figure would be the machine's, not the network's.
 */
import { CITIES } from "#core/geography/cities.ts";
import { distanceKm } from "#core/geography/coordinates.ts";
import { DEFAULT_PLACES, rttBetweenUs } from "#core/geography/places.ts";
import { after, nowNs, sleep, wallClock } from "#core/host/clock.ts";
import { TEST_SCHEMA, type SpeedSample, type SpeedTest, type SpeedTestRow } from "#core/wire/measure.ts";
import type { LivePlaces } from "#core/wire/world.ts";
import { ClientConnection, type ExchangeEnd } from "../http/client-connection.ts";
import { connectHost } from "../http/connect-host.ts";

const STAGGER_MS = 3;
const GAP_MS = 30;
const TIMEOUT_MS = 10_000;
const NS_PER_MS = 1e6;
/** Light in fibre, one way. */
const FIBRE_KM_PER_MS = 200;
const COLD_ROUND_TRIPS = 3;
/** What a page takes to make at a node of the demo. */
const THINK_MS = 25;
const ORIGIN_SITE = "ny1";
/** More than any answer of a node of ours has; strangers may send 32 KiB. */
const HEAD_CHARS_MAX = 4_096;

interface Asked {
  readonly sample: SpeedSample;
  readonly head: string | null;
}

export interface SpeedTestOptions {
  readonly gatewayUrl: string;
  readonly vantages: readonly { readonly vantage: string; readonly city: string }[];
  readonly rounds: number;
  readonly label: string;
  /** Where sites and vantages are; the built-in map when absent. */
  readonly places?: LivePlaces;
  /** Pause between two rounds. */
  readonly gapMs?: number;
}

export async function runSpeedTest(options: SpeedTestOptions): Promise<SpeedTest> {
  const { vantages, rounds, label, gatewayUrl, places = DEFAULT_PLACES } = options;
  const originSite = originOf(places);
  const url = new URL(gatewayUrl);
  const asked: Asked[][] = vantages.map(() => []);
  const startNs = nowNs();
  const takenAt = wallClock();
  for (let round = 0; round < rounds; round++) {
    if (round > 0) await sleep(options.gapMs ?? GAP_MS);
    const asking = vantages.map(({ vantage }, index) => ask(url, vantage, index * STAGGER_MS));
    for (const [index, answer] of (await Promise.all(asking)).entries()) asked[index]!.push(answer);
  }
  return {
    schema: TEST_SCHEMA,
    label,
    url: gatewayUrl,
    takenAt,
    startNs,
    rounds,
    originSite,
    rows: vantages.map(({ vantage, city }, index) => rowOf(vantage, city, asked[index]!, places)),
  };
}

/** The cities of the built-in map. */
export function allCities(): { vantage: string; city: string }[] {
  return CITIES.map(({ id, name }) => ({ vantage: id, city: name }));
}

async function ask(url: URL, vantage: string, delayMs: number): Promise<Asked> {
  if (delayMs > 0) await sleep(delayMs);
  const request = `GET / HTTP/1.1\r\nhost: ${vantage}.localhost:${url.port || 80}\r\nuser-agent: anycastle-test\r\naccept: */*\r\n\r\n`;
  const { promise, resolve } = Promise.withResolvers<ExchangeEnd>();
  const startNs = nowNs();
  const connection = new ClientConnection(connectHost(url), Number(url.port || 80));
  const timer = after(TIMEOUT_MS, () => connection.abort("timeout"));
  connection.exchange(request, false, resolve);
  const { status, site, node, head, connectNs, firstByteNs, endNs, error } = await promise;
  timer.cancel();
  connection.close();
  const since = (atNs: number | null): number | null => (atNs === null ? null : (atNs - startNs) / NS_PER_MS);
  const sample: SpeedSample = {
    status,
    site,
    node,
    connectMs: since(connectNs),
    ttfbMs: since(firstByteNs),
    totalMs: error === null ? since(endNs) : null,
    error,
  };
  return { sample, head };
}

function rowOf(vantage: string, city: string, asked: readonly Asked[], places: LivePlaces): SpeedTestRow {
  const samples = asked.map(({ sample }) => sample);
  const head = asked.findLast(({ head }) => head !== null)?.head?.slice(0, HEAD_CHARS_MAX);
  const site = agreed(samples.map((sample) => sample.site));
  return {
    vantage,
    city,
    samples,
    status: agreed(samples.map((sample) => (sample.error === null ? sample.status : null))),
    site,
    connectMs: median(samples.map((sample) => sample.connectMs)),
    ttfbMs: median(samples.map((sample) => sample.ttfbMs)),
    totalMs: median(samples.map((sample) => sample.totalMs)),
    floorMs: site === null ? null : floorMs(places, vantage, site),
    singleOriginMs: singleOriginMs(places, vantage),
    ...(head === undefined ? {} : { head }),
  };
}

function agreed<T>(values: readonly (T | null)[]): T | null {
  const [first = null] = values;
  return values.every((value) => value === first) ? first : null;
}

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (known.length === 0) return null;
  const middle = Math.floor(known.length / 2);
  return known.length % 2 === 1 ? known[middle]! : (known[middle - 1]! + known[middle]!) / 2;
}

function floorMs({ sites, vantages }: LivePlaces, vantage: string, site: string): number | null {
  const from = vantages.find((each) => each.vantage === vantage)?.coordinates ?? null;
  const to = sites.find((each) => each.site === site)?.coordinates;
  if (from === null || to === undefined) return null;
  return (COLD_ROUND_TRIPS * 2 * distanceKm(from, to)) / FIBRE_KM_PER_MS;
}

function singleOriginMs(places: LivePlaces, vantage: string): number | null {
  const us = rttBetweenUs(places, vantage, originOf(places));
  return us === undefined ? null : THINK_MS + (COLD_ROUND_TRIPS * us) / 1000;
}

/** The one site of the counterfactual: New York where it is one. */
function originOf({ sites }: LivePlaces): string {
  return sites.some(({ site }) => site === ORIGIN_SITE) ? ORIGIN_SITE : sites[0]!.site;
}
