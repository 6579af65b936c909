/**
 * The scripts of loadtest/k6 run by real k6 against a small server, through the engine and by hand. Without k6 on PATH
 * or in $ANYCASTLE_K6 every test that needs it is skipped and says so. `npm run test:k6` runs this alone.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, type TestContext } from "vitest";
import type { EngineResult } from "#core/wire/engine-result.ts";
import { findK6, K6Engine } from "#loadtest/engines/k6-engine.ts";
import { loadPlan, PLAN_NAMES, plannedCount, type PlanName } from "#loadtest/engines/load-plan.ts";
import { httpServer } from "../load/servers.ts";

const TIMEOUT_MS = 60_000;
const CITIES = ["london", "sydney", "new-york"];
const SCRIPTS = join(import.meta.dirname, "..", "..", "loadtest", "k6");

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "anycastle-k6-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function need(context: TestContext): Promise<string> {
  try {
    return await findK6();
  } catch {
    return context.skip("no k6: neither on PATH nor in $ANYCASTLE_K6");
  }
}

async function play(url: string, name: PlanName, rate: number, durationMs: number): Promise<EngineResult> {
  const engine = new K6Engine();
  await engine.prepare();
  return engine.run({
    url,
    plan: loadPlan(name, rate, durationMs),
    vantages: CITIES.map((vantage) => ({ vantage, host: `${vantage}.localhost` })),
    seed: 1,
    lagGateMs: 50,
    dir,
    signal: new AbortController().signal,
  });
}

test("a k6 that is not there is told with what to type", async () => {
  await expect(findK6().catch((error: unknown) => error)).resolves.toSatisfy(
    (found) => typeof found === "string" || (found as { code?: string }).code === "K6_MISSING",
  );
});

test.for([...PLAN_NAMES])(
  "%s: k6 sends the plan, each city in its own name",
  { timeout: TIMEOUT_MS },
  async (name, context) => {
    await need(context);
    const hosts = new Map<string, number>();
    await using server = await httpServer((request, response) => {
      const city = (request.headers.host ?? "").split(".")[0]!;
      hosts.set(city, (hosts.get(city) ?? 0) + 1);
      response.setHeader("x-edge-route", "ny1");
      response.end("ok\n");
    });
    const result = await play(server.url, name, 60, 3_000);
    const answered = [...hosts.values()].reduce((sum, count) => sum + count, 0);
    expect(result).toMatchObject({ isVoid: false, sent: answered, failed: 0 });
    expect(result.objectives.map(({ isMet }) => isMet)).toEqual([true, true]);
    // Each city's arrivals are rounded by themselves, at every step.
    const { steps } = loadPlan(name, 60, 3_000);
    expect(Math.abs(answered - plannedCount(loadPlan(name, 60, 3_000)))).toBeLessThanOrEqual(
      2 * CITIES.length * steps.length,
    );
    expect([...hosts.keys()].toSorted()).toEqual([...CITIES].toSorted());
    for (const { vantage, sent } of result.vantages) expect(sent).toBe(hosts.get(vantage));
    expect(result.latency.p50).toBeGreaterThan(0);
  },
);

test(
  "a service that fails ends k6 with 99, and its verdict is taken over",
  { timeout: TIMEOUT_MS },
  async (context) => {
    await need(context);
    await using server = await httpServer((_request, response) => {
      response.statusCode = 503;
      response.end();
    });
    const result = await play(server.url, "golden", 30, 2_000);
    expect(result).toMatchObject({ isVoid: false, ok: 0 });
    expect(result.objectives.find(({ name }) => name === "failed requests")?.isMet).toBe(false);
  },
);

test(
  "by hand, without any setting but where to ask, a script prints its result",
  { timeout: TIMEOUT_MS },
  async (context) => {
    const k6 = await need(context);
    await using server = await httpServer((_request, response) => {
      response.setHeader("x-edge-route", "ny1");
      response.end("ok\n");
    });
    const args = [
      "run",
      "--quiet",
      "-e",
      `URL=${server.url}`,
      "-e",
      "DURATION_S=2",
      join(SCRIPTS, "golden.ts"),
    ];
    const { status, stdout } = await new Promise<{ status: number | null; stdout: string }>((resolve) => {
      const child = execFile(k6, args, { timeout: TIMEOUT_MS }, (_error, text) =>
        resolve({ status: child.exitCode, stdout: text }),
      );
    });
    expect(stdout).toMatch(/golden: \d+ requests, 0\.000 % failed, 0 dropped/);
    expect(status).toBe(0);
  },
);
