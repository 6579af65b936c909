/**
 * Parts of a running cast die while requests come from all cities, 500 a second, GET and POST, on connections that are
 * kept and on fresh ones. What may fail is a POST that a node had in its hands, and that is counted; nothing else may.
 * One cast for all tests, each leaves it whole. No time is judged; on a box that cannot even send on time a run is void.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EventKind, JournalEvent } from "#core/wire/events.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { LabClient } from "#lab/client.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";
import { renderLoadResult } from "#loadtest/load/render-load.ts";
import { readRequestLog } from "#loadtest/load/request-log.ts";
import type { RequestRecord } from "#loadtest/load/request-record.ts";
import { startLoad } from "#loadtest/load/run-load.ts";
import { HOME } from "./home.ts";

const ANY_PORT = { port: 0, isStrict: false };
const RATE = 500;
/** A tenth of them POST, so that a node has one in its hands more often than not. */
const POST_PERCENT = 10;
/** The load is stopped by each test; this only bounds it. */
const LOAD_MS_MAX = 120_000;
const EVENT_MS_MAX = 30_000;
/** The demo's own: when more than one request in a thousand is sent this late, the box is somebody else's. */
const LAG_GATE_MS = 50;
const RUNS_MAX = 3;
/** Load before and after what happens. */
const STEADY_WINDOWS = 15;

let root: string;
let lab: Lab;
let client: LabClient;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "anycastle-load-"));
  const runtimeDir = join(root, "runtime");
  lab = await Lab.start({
    ...LAB_DEFAULTS,
    seed: 1,
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir,
    journalFile: undefined,
    version: "0.0.0",
  });
  await lab.untilReady();
  client = LabClient.find(runtimeDir);
}, 60_000);

afterAll(async () => {
  await lab.stop("the tests are over", "now");
  rmSync(root, { recursive: true, force: true });
}, 30_000);

function event(
  what: string,
  sinceSeq: number,
  isIt: (event: JournalEvent) => boolean,
): Promise<JournalEvent> {
  return lab.waitFor(isIt, { sinceSeq, timeoutMs: EVENT_MS_MAX, what });
}

function eventsOf<K extends EventKind>(kind: K, sinceSeq: number): Extract<JournalEvent, { kind: K }>[] {
  const isOfKind = (it: JournalEvent): it is Extract<JournalEvent, { kind: K }> => it.kind === kind;
  return lab.journal.since(sinceSeq).filter(isOfKind);
}

/** Resolves once as many 100 ms windows in which requests were answered have been reported. */
async function steadily(): Promise<void> {
  let left = STEADY_WINDOWS;
  await event("requests to be answered", lab.journal.lastSeq, (it) => {
    if (it.kind === "load.window" && it.ok > 0) left -= 1;
    return left <= 0;
  });
}

async function reachedSites(): Promise<Record<string, string | null>> {
  const { vantages } = await client.status();
  return Object.fromEntries(vantages.map(({ vantage, site }) => [vantage, site]));
}

interface Outcome {
  readonly result: LoadResult;
  readonly records: readonly RequestRecord[];
}

/**
 * As `runUnderLoad`, again at most twice while the box was too busy to say: failures of a void run prove nothing. A run
 * that was not void is never repeated, and one without failures need not be.
 */
async function underLoad(happening: () => Promise<void>): Promise<Outcome> {
  for (let run = 1; ; run++) {
    const { error, ...outcome } = await runUnderLoad(happening);
    const { isVoid, failedTotal } = outcome.result;
    const isRepeated = isVoid && (error !== undefined || failedTotal > 0) && run < RUNS_MAX;
    if (!isRepeated && error !== undefined) throw error;
    if (!isRepeated) return outcome;
    await lab.reset();
  }
}

/** The load runs before, while and after `happening` does what it does to the cast. `error`: it could not. */
async function runUnderLoad(happening: () => Promise<void>): Promise<Outcome & { readonly error?: Error }> {
  const { port } = new URL(lab.gatewayUrl);
  const load = startLoad({
    document: {
      url: lab.gatewayUrl,
      rate: RATE,
      durationMs: LOAD_MS_MAX,
      warmUpMs: 1_000,
      vantages: Object.keys(HOME).map((vantage) => ({ vantage, host: `${vantage}.localhost:${port}` })),
      postPercent: POST_PERCENT,
      seed: 1,
      lagGateMs: LAG_GATE_MS,
      resultFile: join(root, "load.json"),
      logFile: join(root, "requests.log"),
      executionUrls: [...lab.nodeUrls()],
    },
    onEvent: (it) => lab.emit(it, "load"),
  });
  const story = steadily().then(happening).then(steadily);
  const error = await story.then(
    () => undefined,
    (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason))),
  );
  load.stop();
  const { result, logFile } = await load.finished;
  const outcome = { result, records: await readRequestLog(logFile) };
  return error === undefined ? outcome : { ...outcome, error };
}

/** Every planned request was sent, from everywhere, in every way there is: else nothing is proven. */
function expectWholeLoad({ result, records }: Outcome): void {
  expect(result.sent).toBe(result.planned);
  expect(records).toHaveLength(result.sent);
  expect(new Set(records.map(({ vantage }) => vantage))).toEqual(new Set(Object.keys(HOME)));
  const ways = new Set(records.map(({ cohort, method }) => `${cohort} ${method}`));
  expect([...ways].sort()).toEqual(["fresh GET", "fresh POST", "keep-alive GET", "keep-alive POST"]);
}

/** Each failure in a line, after what makes the run void, if anything does. */
function failures({ result, records }: Outcome, isCounted: (record: RequestRecord) => boolean): string[] {
  const lines = records
    .filter((record) => record.error !== null && isCounted(record))
    .map(({ vantage, method, cohort, node, error }) => `${vantage} ${method} ${cohort} ${node}: ${error}`);
  return lines.length === 0 ? [] : [...result.voidReasons, ...lines];
}

/** Answers from another site than the vantage's own. */
function strays(records: readonly RequestRecord[]): RequestRecord[] {
  return records.filter(({ site, vantage }) => site !== null && site !== HOME[vantage]);
}

/** Requests for which the gateway did more than ask one node: on a box that stands still it may have asked far away. */
function rescues(sinceSeq: number): number {
  return eventsOf("gateway.window", sinceSeq).reduce((sum, { rescued, hedged }) => sum + rescued + hedged, 0);
}

/** A POST is done once or not at all; what was lost is in the result and shown to people. */
function expectHonestPosts({ result, records }: Outcome): void {
  const posts = records.filter(({ method }) => method === "POST");
  const lost = posts.filter(({ error }) => error !== null).length;
  expect(result.duplicated).toBe(0);
  expect(result.methods?.find(({ method }) => method === "POST")).toMatchObject({
    sent: posts.length,
    ok: posts.length - lost,
    failed: lost,
  });
  const text = renderLoadResult(result, { isColour: false });
  expect(text).toContain(
    `POST: ${posts.length.toLocaleString("en")} sent, ${lost.toLocaleString("en")} lost\n`,
  );
}

test(
  "a killed node moves no vantage and fails no GET, and works again when it is back",
  { timeout: 300_000 },
  async () => {
    let sinceSeq = 0;
    let backNs = 0;
    const outcome = await underLoad(async () => {
      sinceSeq = lab.journal.lastSeq;
      await client.fail({ target: "ny1-1", how: "kill" });
      await event("the router to lose ny1-1", sinceSeq, (it) => {
        return it.kind === "router.session" && it.node === "ny1-1" && it.state === "down";
      });
      await steadily();
      await client.revive({ target: "ny1-1" });
      const back = await event("ny1-1 to take requests again", sinceSeq, (it) => {
        return it.kind === "gateway.node" && it.node === "ny1-1" && it.to === "healthy";
      });
      backNs = back.atNs;
      await lab.untilReady();
    });
    expectWholeLoad(outcome);
    expect(failures(outcome, ({ method }) => method === "GET")).toEqual([]);
    expectHonestPosts(outcome);
    expect(eventsOf("vantage.moved", sinceSeq)).toEqual([]);
    expect(eventsOf("site.withdrawn", sinceSeq)).toEqual([]);
    expect(strays(outcome.records).length).toBeLessThanOrEqual(rescues(sinceSeq));
    // The site's other node did the work meanwhile, and the killed one has work again.
    const answersSinceBack = outcome.records.filter(({ sentNs }) => sentNs !== null && sentNs > backNs);
    expect(outcome.records.map(({ node }) => node)).toContain("ny1-2");
    expect(answersSinceBack.map(({ node }) => node)).toContain("ny1-1");
  },
);

test(
  "a killed simulator fails nothing: routes stay, flagged; its sessions come back, and the vantages are right",
  { timeout: 300_000 },
  async () => {
    let sinceSeq = 0;
    let staleNs = 0;
    let liveNs = 0;
    let pid = 0;
    const outcome = await underLoad(async () => {
      sinceSeq = lab.journal.lastSeq;
      pid = lab.status().processes.find(({ process }) => process === "sim")!.pid!;
      process.kill(pid, "SIGKILL");
      const stale = await event("the feed to be flagged stale", sinceSeq, (it) => {
        return it.kind === "gateway.feed" && it.state === "stale";
      });
      expect(lab.status().feed).toBe("stale");
      const live = await event("the feed to come back", stale.seq, (it) => {
        return it.kind === "gateway.feed" && it.state === "live";
      });
      [staleNs, liveNs] = [stale.atNs, live.atNs];
      await lab.untilReady();
    });
    expectWholeLoad(outcome);
    expect(failures(outcome, () => true)).toEqual([]);
    expectHonestPosts(outcome);
    // While nobody could tell the routes, the last ones stayed in force.
    const isWhileAway = ({ sentNs, endNs }: RequestRecord): boolean =>
      sentNs !== null && sentNs > staleNs && endNs !== null && endNs < liveNs;
    const whileAway = outcome.records.filter(isWhileAway);
    expect(whileAway.length).toBeGreaterThan(0);
    expect(strays(whileAway).length).toBeLessThanOrEqual(rescues(sinceSeq));
    // A session with each node is there again, and everybody is where they belong.
    const up = eventsOf("router.session", sinceSeq).filter(({ state }) => state === "up");
    expect(new Set(up.map(({ node }) => node)).size).toBe(lab.nodeUrls().length);
    const status = await client.status();
    expect(status.feed).toBe("live");
    expect(status.processes.find(({ process }) => process === "sim")!.pid).not.toBe(pid);
    expect(status.sites.flatMap(({ nodes }) => nodes).every(({ bgp }) => bgp === "up")).toBe(true);
    expect(await reachedSites()).toEqual(HOME);
  },
);
