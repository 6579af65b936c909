/**
 * k6 as one of the engines: a program of its own that people install, found as $ANYCASTLE_K6 or on PATH. It runs the
 * scripts of loadtest/k6 and writes its result to a file; its exit status 99 means that a threshold was missed, which
 * is a result. It is told not to report its use to anybody.
 */
import { spawn } from "node:child_process";
import { access, constants, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { childEnvironment, environmentValue } from "#core/host/environment.ts";
import type { EngineResult } from "#core/wire/engine-result.ts";
import { after } from "#core/host/clock.ts";
import { K6_SCHEMA, type K6Document } from "../k6/lib/summary.ts";
import type { Engine, EngineRun } from "./engine-run.ts";
import { ENGINE_LIMITS } from "./limits.ts";
import { plannedCount } from "./load-plan.ts";
import { objectivesOf, type Objectives } from "./objectives.ts";

const SCRIPTS = fileURLToPath(new URL("../k6/", import.meta.url));
const EXIT_THRESHOLDS = 99;
/** The oldest that the scripts were run by: they are TypeScript, which 1.0 reads as it stands, and need nothing of 2. */
const VERSION_MIN = [1, 8] as const;
const VERSION_MS_MAX = 20_000;
/** Beyond the plan: start, waiting for what is on its way, summary. */
const RUN_MS_EXTRA = 60_000;
const LOG_CHARS_MAX = 8 * 1024;
const HINT =
  "`go install go.k6.io/k6/v2@latest` (or go.k6.io/k6@latest, line 1) puts it where Go keeps programs; or set ANYCASTLE_K6 to its path";

export class K6Engine implements Engine {
  #program = "";
  #version = "";

  async prepare(): Promise<void> {
    this.#program = await findK6();
    this.#version = await versionOf(this.#program);
  }

  async run(run: EngineRun): Promise<EngineResult> {
    const { plan, url, vantages, dir, signal } = run;
    const summaryFile = join(dir, "k6.json");
    const { status, log } = await runProgram(
      this.#program,
      ["run", "--quiet", join(SCRIPTS, `${plan.name}.ts`)],
      {
        timeoutMs: plan.durationMs + RUN_MS_EXTRA,
        signal,
        env: {
          K6_NO_USAGE_REPORT: "true",
          NO_COLOR: "1",
          URL: url,
          RATE: String(plan.rate),
          DURATION_S: String(plan.durationMs / 1000),
          VANTAGES: vantages.map(({ vantage }) => vantage).join(","),
          SUMMARY: summaryFile,
        },
      },
    );
    signal.throwIfAborted();
    const isResult = status === 0 || status === EXIT_THRESHOLDS;
    if (!isResult) throw failed(`k6 ended with status ${status}`, log);
    return k6Result(await readDocument(summaryFile, log), { plan, version: this.#version, status });
  }
}

/** Absolute path. Throws `K6_MISSING`. */
export async function findK6(): Promise<string> {
  const named = environmentValue("ANYCASTLE_K6");
  if (named !== undefined) {
    if (await isProgram(named)) return named;
    throw new UserError("K6_MISSING", `ANYCASTLE_K6=${named} is no program that can be run`, { hint: HINT });
  }
  for (const dir of (environmentValue("PATH") ?? "").split(delimiter)) {
    const path = join(dir, process.platform === "win32" ? "k6.exe" : "k6");
    if (dir !== "" && (await isProgram(path))) return path;
  }
  throw new UserError("K6_MISSING", "k6 is not on PATH", { hint: HINT });
}

export function k6Result(
  document: K6Document,
  run: { readonly plan: EngineRun["plan"]; readonly version: string; readonly status: number },
): EngineResult {
  const sent = document.requests ?? 0;
  const failedCount = Math.round(sent * (document.failedRatio ?? 0));
  const voidReasons = voidReasonsOf(document, run.status);
  return {
    engine: "k6",
    toolVersion: run.version,
    loop: "open",
    latencyFrom: "sent",
    planned: plannedCount(run.plan),
    sent,
    ok: sent - failedCount,
    failed: failedCount,
    failures: null,
    latency: document.duration,
    ttfb: document.waiting,
    sendLag: null,
    vantages: document.vantages.map(({ vantage, requests, failedRatio, p50, p99 }) => ({
      vantage,
      sent: requests ?? 0,
      failed: Math.round((requests ?? 0) * (failedRatio ?? 0)),
      p50Ms: p50,
      p99Ms: p99,
      sites: null,
    })),
    duplicated: null,
    objectives: objectivesOfK6(document, objectivesOf(run.plan)),
    isVoid: voidReasons.length > 0,
    voidReasons,
    ...ENGINE_LIMITS.k6,
  };
}

/** The verdict on each is k6's own. */
function objectivesOfK6(document: K6Document, bounds: Objectives): EngineResult["objectives"] {
  return document.thresholds.map(({ metric, rule, ok }) => ({
    name: metric === "http_req_failed" ? "failed requests" : "p99",
    isMet: ok,
    expected: `k6: ${rule}`,
    measured:
      metric === "http_req_failed"
        ? `${document.failedRatio ?? "nothing"} (bound ${bounds.failedRatioMax})`
        : `${document.duration.p99 ?? "nothing"} ms`,
  }));
}

function voidReasonsOf({ dropped, requests, thresholds }: K6Document, status: number): string[] {
  const reasons: string[] = [];
  if (dropped > 0) reasons.push(`k6 dropped ${dropped} requests that were due (dropped_iterations)`);
  if (requests === null || requests === 0) reasons.push("k6 sent no request");
  if (thresholds.length === 0) reasons.push("k6 judged no threshold");
  // Two ways to learn the same thing; when they disagree neither is believed.
  const isMissed = thresholds.some(({ ok }) => !ok);
  if (thresholds.length > 0 && isMissed !== (status === EXIT_THRESHOLDS)) {
    reasons.push(`k6 ended with status ${status}, but its thresholds say ${isMissed ? "missed" : "met"}`);
  }
  return reasons;
}

async function versionOf(program: string): Promise<string> {
  const { status, log } = await runProgram(program, ["version"], { timeoutMs: VERSION_MS_MAX, env: {} });
  const version = /\bv(\d+\.\d+\.\d+\S*)/.exec(log)?.[1];
  if (status !== 0 || version === undefined) throw failed(`${program} does not tell its version`, log);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin, minorMin] = VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return version;
  throw new UserError(
    "K6_OLD",
    `${program} is k6 ${version}, and the scripts need ${VERSION_MIN.join(".")} or newer`,
    { hint: HINT },
  );
}

async function readDocument(file: string, log: string): Promise<K6Document> {
  try {
    const document = JSON.parse(await readFile(file, "utf8")) as K6Document;
    if (document.schema === K6_SCHEMA) return document;
    throw new Error(`its schema is ${String(document.schema)}`);
  } catch (error) {
    throw failed(`k6 left no result that can be read (${messageOf(error)})`, log);
  }
}

function failed(what: string, log: string): UserError {
  return new UserError("K6_FAILED", `${what}: ${log.trim() || "it said nothing"}`, {
    exitCode: EXIT.failure,
  });
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

interface ProgramRun {
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Both its streams are its log. Status null: a signal ended it. */
function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs, env, signal }: ProgramRun,
): Promise<{ status: number | null; log: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: childEnvironment(env),
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        log = (log + text).slice(-LOG_CHARS_MAX);
      });
    }
    const kill = (): void => void child.kill("SIGKILL");
    const deadline = after(timeoutMs, kill);
    signal?.addEventListener("abort", kill, { once: true });
    const end = (): void => {
      deadline.cancel();
      signal?.removeEventListener("abort", kill);
    };
    child.once("error", (error) => {
      end();
      reject(failed(`${program} cannot be started`, messageOf(error)));
    });
    child.once("close", (status) => {
      end();
      resolve({ status, log });
    });
  });
}
