/** The k6 scripts without k6: they load, their options are the plan, each city asks in its own name. Real k6: test/k6. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { vantageIds } from "#core/geography/rtt.ts";
import { loadPlan, PLAN_NAMES, plannedCount } from "#loadtest/engines/load-plan.ts";
import { k6Options } from "#loadtest/k6/lib/options.ts";
import { DEFAULT_VANTAGES, hostOf, readSettings } from "#loadtest/k6/lib/settings.ts";
import { k6Document } from "#loadtest/k6/lib/summary.ts";
import type { ScriptRun } from "./k6-script.ts";

const HARNESS = join(import.meta.dirname, "k6-script.ts");
const SCRIPTS = join(import.meta.dirname, "..", "..", "loadtest", "k6");

async function run(name: string, env: Record<string, string> = {}): Promise<ScriptRun> {
  const { stdout } = await promisify(execFile)(process.execPath, [HARNESS, join(SCRIPTS, `${name}.ts`)], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    timeout: 15_000,
  });
  return JSON.parse(stdout) as ScriptRun;
}

test.each([...PLAN_NAMES])(
  "%s.ts loads in a world that has only k6's modules, and asks for every city",
  async (name) => {
    const { options, requests, counted, checks } = await run(name, { URL: "http://127.0.0.1:18080/" });
    expect(Object.keys(options.scenarios)).toEqual([...DEFAULT_VANTAGES]);
    expect(requests).toEqual(
      DEFAULT_VANTAGES.map((vantage) => ({
        method: "GET",
        url: "http://127.0.0.1:18080/",
        headers: { Host: `${vantage}.localhost:18080` },
      })),
    );
    expect(counted[0]).toEqual({ vantage: "new-york", site: "ny1" });
    expect(checks.length).toBe(2 * DEFAULT_VANTAGES.length);
  },
);

test("settings come from the environment, and a figure that is none is refused", async () => {
  const { options } = await run("golden", { VANTAGES: "london,sydney", RATE: "30", DURATION_S: "5" });
  expect(options.scenarios).toMatchObject({
    london: {
      executor: "constant-arrival-rate",
      rate: 30,
      timeUnit: "2s",
      duration: "5000ms",
      startTime: "0ms",
    },
    sydney: { rate: 30, timeUnit: "2s", startTime: "33ms", tags: { vantage: "sydney" } },
  });
  expect(() => readSettings("golden", { RATE: "many" })).toThrow("RATE=many");
});

test("failover gives its orders itself where it is told of a lab, with the token", async () => {
  const { options, requests } = await run("failover", {
    VANTAGES: "london",
    DURATION_S: "30",
    CONTROL_URL: "http://127.0.0.1:18081",
    TOKEN: "secret",
  });
  expect(options.scenarios).toMatchObject({
    order_fail: { startTime: "10000ms", env: { BODY: '{"target":"ny1","how":"kill"}' } },
    order_revive: { startTime: "20000ms" },
  });
  const orders = requests.filter(({ method }) => method === "POST");
  expect(orders.map(({ url }) => url)).toEqual([
    "http://127.0.0.1:18081/api/v1/fail",
    "http://127.0.0.1:18081/api/v1/revive",
  ]);
  expect(orders[0]!.headers["authorization"]).toBe("Bearer secret");
});

test("without a file the result is a few lines, with one it is the document", async () => {
  const { summary: text } = await run("spike");
  expect(text["stdout"]).toContain("spike: 42 requests");
  const { summary: files } = await run("spike", { SUMMARY: "out.json" });
  expect(JSON.parse(files["out.json"]!)).toMatchObject({ schema: "anycastle.k6/v1", requests: 42 });
});

test("the scripts' cities are those of the world", () => {
  expect([...DEFAULT_VANTAGES].toSorted()).toEqual([...vantageIds()].toSorted());
});

test("the objectives are k6's thresholds; single cities have some only to be summed up", () => {
  const { thresholds } = k6Options(readSettings("golden", { VANTAGES: "london" }));
  expect(thresholds).toEqual({
    http_req_failed: ["rate<=0.0005"],
    http_req_duration: ["p(99)<=1000"],
    "http_reqs{vantage:london}": ["count>=0"],
    "http_req_failed{vantage:london}": ["rate>=0"],
    "http_req_duration{vantage:london}": ["max>=0"],
  });
  expect(k6Options(readSettings("failover", {})).thresholds["http_req_failed"]).toEqual(["rate<=0"]);
});

test("steps become jumps, not slopes, and the users suffice for the highest rate", () => {
  const { scenarios } = k6Options(
    readSettings("spike", { VANTAGES: "london,sydney", RATE: "100", DURATION_S: "10" }),
  );
  expect(scenarios["london"]).toMatchObject({
    executor: "ramping-arrival-rate",
    startRate: 20,
    stages: [
      { target: 20, duration: "0s" },
      { target: 20, duration: "4000ms" },
      { target: 100, duration: "0s" },
      { target: 100, duration: "2000ms" },
      { target: 20, duration: "0s" },
      { target: 20, duration: "4000ms" },
    ],
    preAllocatedVUs: 25,
    maxVUs: 150,
  });
});

test.each([
  ["golden", [[100, 30_000]]],
  ["soak", [[100, 30_000]]],
  ["failover", [[100, 30_000]]],
  [
    "ramp",
    [
      [20, 6_000],
      [40, 6_000],
      [60, 6_000],
      [80, 6_000],
      [100, 6_000],
    ],
  ],
  [
    "spike",
    [
      [20, 12_000],
      [100, 6_000],
      [20, 12_000],
    ],
  ],
] as const)("the steps of %s", (name, expected) => {
  const plan = loadPlan(name, 100, 30_000);
  expect(plan.steps.map(({ rate, durationMs }) => [rate, durationMs])).toEqual(expected);
  expect(plannedCount(plan)).toBe(expected.reduce((sum, [rate, ms]) => sum + (rate * ms) / 1000, 0));
});

test("steps add up to the length whatever it is", () => {
  for (const name of PLAN_NAMES) {
    for (const durationMs of [101, 1_000, 7_777, 60_001]) {
      const { steps } = loadPlan(name, 7, durationMs);
      expect(steps.reduce((sum, step) => sum + step.durationMs, 0)).toBe(durationMs);
    }
  }
});

test("the Host names the vantage with the port of the gateway, if it has one", () => {
  expect(hostOf("london", "http://127.0.0.1:8080")).toBe("london.localhost:8080");
  expect(hostOf("london", "http://[::1]:8080/a:9")).toBe("london.localhost:8080");
  expect(hostOf("london", "http://edge.example/a:9/")).toBe("london.localhost");
});

test("what k6 did not tell is null, not zero", () => {
  const document = k6Document({ metrics: {} }, readSettings("golden", { VANTAGES: "london" }));
  expect(document).toMatchObject({ requests: null, failedRatio: null, dropped: 0, thresholds: [] });
  expect(document.duration.p99).toBeNull();
  expect(document.vantages).toEqual([
    { vantage: "london", requests: null, failedRatio: null, p50: null, p99: null },
  ]);
});

test("the scripts leave alone what k6 v2 has removed", () => {
  for (const name of PLAN_NAMES) {
    const text = readFileSync(join(SCRIPTS, `${name}.ts`), "utf8");
    expect(text).not.toMatch(/externally-controlled|no-summary|loadimpact|experimental\/redis/);
  }
});
