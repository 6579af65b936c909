/** Engines beside each other: what each counts, what makes it void, and how its result is judged and shown. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EngineResult } from "#core/wire/engine-result.ts";
import { AutocannonEngine, sharesOf } from "#loadtest/engines/autocannon-engine.ts";
import { BuiltinEngine } from "#loadtest/engines/builtin-engine.ts";
import type { EngineRun } from "#loadtest/engines/engine-run.ts";
import { judgeObjectives, verdictOver } from "#loadtest/engines/judge.ts";
import { K6Engine, k6Result } from "#loadtest/engines/k6-engine.ts";
import { loadPlan, type PlanName } from "#loadtest/engines/load-plan.ts";
import { objectivesOf } from "#loadtest/engines/objectives.ts";
import { renderEngines } from "#loadtest/engines/render-engines.ts";
import type { K6Document } from "#loadtest/k6/lib/summary.ts";
import { answeringServer, closedPort, httpServer } from "./servers.ts";

const VANTAGES = ["london", "sydney", "new-york"].map((vantage) => ({
  vantage,
  host: `${vantage}.localhost`,
}));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "anycastle-engines-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

function runOf(
  url: string,
  options: { name?: PlanName; rate?: number; durationMs?: number } = {},
): EngineRun {
  const { name = "golden", rate = 60, durationMs = 1_000 } = options;
  return {
    url,
    plan: loadPlan(name, rate, durationMs),
    vantages: VANTAGES,
    seed: 1,
    lagGateMs: 10_000,
    dir,
    signal: new AbortController().signal,
  };
}

test("the builtin engine sends the steps of a plan exactly, GET only", async () => {
  const methods = new Set<string | undefined>();
  await using server = await httpServer((request, response) => {
    methods.add(request.method);
    response.setHeader("x-edge-route", "lhr1");
    response.end("ok\n");
  });
  const result = await new BuiltinEngine().run(runOf(server.url, { name: "spike", rate: 100 }));
  expect(result).toMatchObject({
    loop: "open",
    latencyFrom: "due",
    planned: 36,
    sent: 36,
    ok: 36,
    failed: 0,
  });
  expect([...methods]).toEqual(["GET"]);
  expect(result.vantages.map(({ sites }) => sites?.["lhr1"])).toEqual([12, 12, 12]);
  expect(result.objectives.map(({ isMet }) => isMet)).toEqual([true, true]);
});

test("autocannon's requests are counted by us, by city and site, in the name of each city", async () => {
  const hosts = new Map<string, number>();
  let answers = 0;
  await using server = await httpServer((request, response) => {
    const host = request.headers.host ?? "none";
    hosts.set(host, (hosts.get(host) ?? 0) + 1);
    answers += 1;
    response.setHeader("X-Edge-Route", "lhr1");
    response.end("ok\n");
  });
  const result = await new AutocannonEngine().run(runOf(server.url));
  expect(result).toMatchObject({
    engine: "autocannon",
    loop: "closed",
    failed: 0,
    ttfb: null,
    duplicated: null,
  });
  expect([...hosts.keys()].toSorted()).toEqual([
    "london.localhost",
    "new-york.localhost",
    "sydney.localhost",
  ]);
  // It ends by dropping what is on its way, which the server may have answered.
  expect(result.ok).toBeGreaterThan(0);
  expect(result.ok).toBeLessThanOrEqual(answers);
  expect(answers - result.ok).toBeLessThanOrEqual(VANTAGES.length * 20);
  expect(result.vantages.map(({ sent, sites }) => sites?.["lhr1"] === sent && sent > 0)).toEqual([
    true,
    true,
    true,
  ]);
  expect(result.toolVersion).toMatch(/^\d+\.\d+\.\d+$/);
});

test("autocannon plays every step of a plan", async () => {
  await using server = await answeringServer();
  const result = await new AutocannonEngine().run(
    runOf(server.url, { name: "ramp", rate: 30, durationMs: 1_000 }),
  );
  expect(result.planned).toBe(18);
  // Each step of 0.2 s sends the whole second's share at once: more than planned, and it says so.
  expect(result.sent).toBeGreaterThanOrEqual(18);
});

test("answers that are not 200 have failed, whoever counts", async () => {
  await using server = await httpServer((_request, response) => {
    response.statusCode = 503;
    response.end();
  });
  for (const engine of [new BuiltinEngine(), new AutocannonEngine()]) {
    const result = await engine.run(runOf(server.url, { durationMs: 500 }));
    expect(result.ok).toBe(0);
    expect(result.failed).toBe(result.sent);
    expect(result.failures).toEqual({ "status-503": result.sent });
    expect(result.objectives.map(({ isMet }) => isMet)).toEqual([false, false]);
  }
});

test("nobody there: every engine that can says so by name", async () => {
  const url = `http://127.0.0.1:${await closedPort()}/`;
  const builtin = await new BuiltinEngine().run(runOf(url, { durationMs: 300 }));
  expect(builtin.failures).toEqual({ refused: 18 });
  const autocannon = await new AutocannonEngine().run(runOf(url, { durationMs: 300 }));
  expect(autocannon.failures?.["ECONNREFUSED"]).toBeGreaterThan(0);
});

test("an aborted engine ends without a result", async () => {
  await using server = await answeringServer();
  for (const engine of [new BuiltinEngine(), new AutocannonEngine()]) {
    const abort = new AbortController();
    const run = engine.run({ ...runOf(server.url, { durationMs: 60_000 }), signal: abort.signal });
    const ending = run.then(
      () => "a result",
      () => "no result",
    );
    const before = server.accepted;
    await vi.waitFor(() => expect(server.accepted).toBeGreaterThan(before), { timeout: 10_000 });
    abort.abort(new Error("interrupted"));
    expect(await ending).toBe("no result");
  }
});

test("rates are shared without a remainder", () => {
  expect(sharesOf(100, 14)).toEqual([8, 8, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
  expect(sharesOf(2, 3)).toEqual([1, 1, 0]);
});

test("objectives: at the bound is met, above it is missed, and nothing sent proves nothing", () => {
  const judge = (sent: number, failed: number, p99Ms: number | null, name: PlanName = "golden"): boolean[] =>
    judgeObjectives({ sent, failed, p99Ms }, objectivesOf(loadPlan(name, 1, 1_000))).map(
      ({ isMet }) => isMet,
    );
  expect(judge(2_000, 1, 1_000)).toEqual([true, true]);
  expect(judge(2_000, 2, 1_000.1)).toEqual([false, false]);
  expect(judge(2_000, 1, 1, "failover")).toEqual([false, true]);
  expect(judge(0, 0, null)).toEqual([false, false]);
});

const MET = { name: "x", isMet: true, expected: "", measured: "" };

test("void outweighs missed, missed outweighs held, and no result at all is void", () => {
  const held = { isVoid: false, objectives: [MET] };
  const missed = { isVoid: false, objectives: [{ ...MET, isMet: false }] };
  expect(verdictOver([held, held])).toBe("held");
  expect(verdictOver([held, missed])).toBe("missed");
  expect(verdictOver([missed, { isVoid: true, objectives: [] }])).toBe("void");
  expect(verdictOver([])).toBe("void");
});

const TIMES = { p50: 30, p90: 90, p99: 200, p999: 210, max: 250 };
const DOCUMENT: K6Document = {
  schema: "anycastle.k6/v1",
  plan: "golden",
  runMs: 1_000,
  requests: 60,
  failedRatio: 0,
  dropped: 0,
  duration: TIMES,
  waiting: TIMES,
  vantages: [{ vantage: "london", requests: 20, failedRatio: 0.1, p50: 30, p99: 200 }],
  thresholds: [
    { metric: "http_req_failed", rule: "rate<=0.0005", ok: true },
    { metric: "http_req_duration", rule: "p(99)<=1000", ok: true },
  ],
};

function k6(more: Partial<K6Document>, status: number): EngineResult {
  return k6Result(
    { ...DOCUMENT, ...more },
    { plan: loadPlan("golden", 60, 1_000), version: "2.3.0", status },
  );
}

test("a k6 result keeps k6's own verdict, and what k6 dropped makes it void", () => {
  expect(k6({}, 0)).toMatchObject({
    sent: 60,
    ok: 60,
    failed: 0,
    isVoid: false,
    failures: null,
    sendLag: null,
  });
  expect(k6({}, 0).vantages[0]).toEqual({
    vantage: "london",
    sent: 20,
    failed: 2,
    p50Ms: 30,
    p99Ms: 200,
    sites: null,
  });
  expect(k6({ dropped: 3 }, 0).voidReasons).toEqual([expect.stringContaining("dropped 3 requests")]);
  expect(k6({ requests: null }, 0).isVoid).toBe(true);
  expect(k6({ thresholds: [] }, 0).isVoid).toBe(true);
});

test("k6's status and its thresholds must say the same", () => {
  const thresholds = [{ metric: "http_req_failed", rule: "rate<=0", ok: false }];
  expect(k6({ thresholds }, 99)).toMatchObject({ isVoid: false, objectives: [{ isMet: false }] });
  expect(k6({ thresholds }, 0).isVoid).toBe(true);
  expect(k6({}, 99).isVoid).toBe(true);
});

/** A program in k6's place: tells a version, then does as the shell lines say, with SUMMARY in its environment. */
function programFor(version: string, lines: string): void {
  const path = join(dir, "k6");
  writeFileSync(
    path,
    `#!/bin/sh\nif [ "$1" = version ]; then echo "k6 ${version} (commit/abc, go1.26)"; exit 0; fi\n${lines}\n`,
  );
  chmodSync(path, 0o755);
  vi.stubEnv("ANYCASTLE_K6", path);
}

async function runProgram(): Promise<EngineResult> {
  const engine = new K6Engine();
  await engine.prepare();
  return engine.run(runOf("http://127.0.0.1:1/"));
}

test.skipIf(process.platform === "win32")("k6 is given the plan, and its file is read", async () => {
  const missed = { ...DOCUMENT, thresholds: [{ metric: "http_req_failed", rule: "rate<=0", ok: false }] };
  const script = `
case "$*" in *--quiet*/loadtest/k6/golden.ts) ;; *) exit 3;; esac
[ "$URL $RATE $DURATION_S $VANTAGES $K6_NO_USAGE_REPORT" = "http://127.0.0.1:1/ 60 1 london,sydney,new-york true" ] || exit 4
printf '%s' '${JSON.stringify(missed)}' > "$SUMMARY"
exit 99`;
  programFor("v2.3.0", script);
  expect(await runProgram()).toMatchObject({
    toolVersion: "2.3.0",
    isVoid: false,
    objectives: [{ isMet: false }],
  });
});

test.skipIf(process.platform === "win32")("any other end of k6 is told with its last words", async () => {
  programFor("v2.3.0", `echo "ReferenceError: x is not defined" >&2\nexit 107`);
  await expect(runProgram()).rejects.toMatchObject({
    code: "K6_FAILED",
    exitCode: 1,
    message: expect.stringMatching(/status 107: ReferenceError/) as string,
  });
  programFor("v2.3.0", "exit 0");
  await expect(runProgram()).rejects.toMatchObject({ code: "K6_FAILED" });
});

test("no k6, one that is no program, and one that is too old: what to type", async () => {
  vi.stubEnv("ANYCASTLE_K6", undefined);
  vi.stubEnv("PATH", dir);
  const expected = { code: "K6_MISSING", exitCode: 2, hint: expect.stringContaining("go install") as string };
  await expect(new K6Engine().prepare()).rejects.toMatchObject(expected);
  vi.stubEnv("ANYCASTLE_K6", join(dir, "nothing"));
  await expect(new K6Engine().prepare()).rejects.toMatchObject(expected);
  if (process.platform === "win32") return;
  vi.unstubAllEnvs();
  for (const old of ["v0.57.0", "v1.7.9"]) {
    programFor(old, "exit 0");
    await expect(new K6Engine().prepare()).rejects.toMatchObject({ code: "K6_OLD" });
  }
  for (const fit of ["v1.8.0", "v1.10.0", "v2.0.0"]) {
    programFor(fit, "exit 0");
    await new K6Engine().prepare();
  }
});

test("the table says which loop is closed, withholds times of a void run, and lets no control character through", () => {
  const result = k6({}, 0);
  const autocannon: EngineResult = {
    ...result,
    engine: "autocannon",
    loop: "closed",
    toolVersion: "9.0.0\u001b[2J",
  };
  const text = renderEngines(
    {
      schema: "anycastle.engines/v1",
      url: "http://127.0.0.1:1/",
      plan: { name: "golden", rate: 60, durationMs: 1_000, planned: 60, seed: 1 },
      results: [{ ...result, isVoid: true, voidReasons: ["dropped"] }, autocannon],
      verdict: "void",
    },
    { isColour: false },
  );
  const row = (name: string): string => text.split("\n").find((line) => line.startsWith(`${name}  `))!;
  expect(row("k6")).toMatch(/open +sent +60 of 60 +0 +VOID$/);
  expect(row("autocannon")).toMatch(/closed +sent +60 of 60 +0 +30\.0 +90\.0 +200\.0 +210\.0 +250\.0 +–$/);
  expect(text).toContain("closed loop: not comparable");
  expect(text).not.toContain("\u001b");
});
