/** The load as a process of its own: its events, its result, its ends. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nowNs, sleep } from "#core/host/clock.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import type { LoadDocumentInput } from "#loadtest/load/load-document.ts";
import { readRequestLog } from "#loadtest/load/request-log.ts";
import { startLoad } from "#loadtest/load/run-load.ts";
import { answeringServer, httpServer } from "./servers.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-load-"));
});
afterAll(() => rm(folder, { recursive: true }));

function documentFor(url: string, change: Partial<LoadDocumentInput> = {}): LoadDocumentInput {
  return {
    url,
    rate: 200,
    durationMs: 500,
    lagGateMs: 10_000,
    vantages: [{ vantage: "new-york", host: "new-york.localhost" }],
    resultFile: join(folder, "result.json"),
    logFile: join(folder, "log"),
    ...change,
  };
}

test("a run in a process of its own: events as they happen, result and log at the end", async () => {
  await using server = await answeringServer();
  const events: ProcessEvent[] = [];
  const load = startLoad({ document: documentFor(server.url), onEvent: (event) => events.push(event) });
  const { result, logFile } = await load.finished;
  expect([result.planned, result.ok]).toEqual([100, 100]);
  expect(await readRequestLog(logFile)).toHaveLength(100);
  const kinds = events.map(({ kind }) => kind).filter((kind) => kind !== "stall");
  expect(kinds.slice(0, 2)).toEqual(["process.ready", "load.started"]);
  expect(kinds.at(-1)).toBe("load.finished");
  expect(events.every(({ source, atNs }) => source === "load" && Number.isFinite(atNs))).toBe(true);
});

test("stopped early, it ends with what was due until then", async () => {
  await using server = await answeringServer();
  const load = startLoad({
    document: documentFor(server.url, { durationMs: 3_600_000 }),
    onEvent: (event) => {
      if (event.kind === "load.window") load.stop();
    },
  });
  const { result } = await load.finished;
  expect(result.planned).toBeGreaterThan(0);
  expect(result.planned).toBeLessThan(200 * 60);
  expect([result.sent, result.ok]).toEqual([result.planned, result.planned]);
});

test("a server that stands still is seen by every request that was due meanwhile", async () => {
  const HOLD_NS = 700e6;
  let heldFromNs = 0;
  let heldToNs = 0;
  let count = 0;
  await using server = await httpServer((_request, response) => {
    count += 1;
    if (count === 50) {
      // The whole process stands still: no answer, no accept.
      heldFromNs = nowNs();
      while (nowNs() < heldFromNs + HOLD_NS);
      heldToNs = nowNs();
    }
    response.end("ok");
  });
  const document = documentFor(server.url, { durationMs: 1_500, postPercent: 0 });
  const { result, logFile } = await startLoad({ document }).finished;
  const records = await readRequestLog(logFile);
  const held = records.filter(({ dueNs }) => dueNs >= heldFromNs && dueNs < heldToNs);
  expect([result.ok, result.failedTotal]).toEqual([300, 0]);
  expect(held.length).toBeGreaterThanOrEqual(139);
  expect(held.every(({ endNs }) => endNs! >= heldToNs)).toBe(true);
  expect(result.latency.max! * 1e6).toBeGreaterThanOrEqual(HOLD_NS - 5e6);
});

test("a document with errors starts nothing", () => {
  expect(() => startLoad({ document: documentFor("ftp://here") })).toThrow(/url: is no http:/);
});

test("a result that cannot be written is a failure that says so", async () => {
  await using server = await answeringServer();
  const document = documentFor(server.url, {
    durationMs: 50,
    resultFile: join(folder, "no", "such", "folder"),
  });
  await expect(startLoad({ document }).finished).rejects.toThrow(
    /ended without a result \(exit 1\).*ENOENT/s,
  );
});

test("it dies with whoever started it", async () => {
  await using server = await answeringServer();
  const entry = fileURLToPath(new URL("../../loadtest/load/run-load.ts", import.meta.url));
  const script = `
    import { startLoad } from ${JSON.stringify(entry)};
    const document = ${JSON.stringify(documentFor(server.url, { durationMs: 3_600_000 }))};
    const load = startLoad({ document, onEvent: (event) => {
      if (event.kind === "load.started") process.stdout.write(String(load.pid));
    } });`;
  const parent = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  const pid = await new Promise<number>((resolve) => {
    parent.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
  });
  expect(isRunning(pid)).toBe(true);
  parent.kill("SIGKILL");
  while (isRunning(pid)) await sleep(10); // The test's own limit ends the wait.
  expect(isRunning(pid)).toBe(false);
});

/** A process that has ended and that nobody has asked about yet does not run. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
  } catch {
    return false;
  }
}
