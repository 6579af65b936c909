/** How commands and drills talk to the keeper of a runtime directory; the first one that needs it starts it. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Client } from "undici";
import { codeOf, EXIT, UserError } from "#core/errors.ts";
import { nowMs, sleep } from "#core/host/clock.ts";
import { childEnvironment } from "#core/host/environment.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { FaultCall, FaultReport } from "#core/wire/keeper.ts";
import { prepareRuntimeDir } from "../runtime-dir.ts";
import { ledgerPath, logPath, socketPath } from "./keeper-place.ts";
import { readLedger } from "./ledger-file.ts";

const ENTRY = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));
const START_MS_MAX = 10_000;
const POLL_MS = 20;
/** A removal is waited for. */
const ANSWER_MS_MAX = 60_000;
const LOG_MODE = 0o600;

export class KeeperClient {
  readonly #dir: string;
  readonly #client: Client;
  readonly #followers = new Set<Client>();

  private constructor(dir: string) {
    this.#dir = dir;
    this.#client = new Client("http://keeper", {
      socketPath: socketPath(dir),
      headersTimeout: ANSWER_MS_MAX,
      bodyTimeout: 0,
    });
  }

  /** Starts a keeper where none runs. */
  static async reach(dir: string): Promise<KeeperClient> {
    prepareRuntimeDir(dir);
    const client = new KeeperClient(dir);
    const untilMs = nowMs() + START_MS_MAX;
    for (let isStarted = false; ; await sleep(POLL_MS)) {
      if (await client.#answers()) return client;
      if (!isStarted) start(dir);
      isStarted = true;
      if (nowMs() < untilMs) continue;
      await client.close();
      throw new UserError("KEEPER_SILENT", `no keeper of faults answers in ${dir}`, {
        hint: `${logPath(dir)} may say why`,
        exitCode: EXIT.failure,
      });
    }
  }

  /** What is left of a keeper that was killed is undone by the one that is started here. Undefined: nothing is in force. */
  static async reachIfAny(dir: string): Promise<KeeperClient | undefined> {
    if (!existsSync(dir)) return undefined;
    const { armed } = await readLedger(ledgerPath(dir));
    return armed.length === 0 ? undefined : KeeperClient.reach(dir);
  }

  list(): Promise<FaultReport[]> {
    return this.#call("GET", "/v1/faults");
  }

  add(call: FaultCall): Promise<FaultReport> {
    return this.#call("POST", "/v1/faults", call);
  }

  remove(id: string): Promise<FaultReport> {
    return this.#call("DELETE", `/v1/faults/${encodeURIComponent(id)}`);
  }

  reset(): Promise<FaultReport[]> {
    return this.#call("DELETE", "/v1/faults");
  }

  /**
   * From now on the faults of this drill are removed when this process, or the connection, goes. Each change of theirs is told.
   * Resolves when it stands; `ended` when it has ended.
   */
  own(drill: string, onReport: (report: FaultReport) => void): Promise<{ readonly ended: Promise<void> }> {
    return this.#follow(`/v1/drills/${drill}`, onReport);
  }

  /** Each change of any fault is told. */
  watch(onReport: (report: FaultReport) => void): Promise<{ readonly ended: Promise<void> }> {
    return this.#follow("/v1/changes", onReport);
  }

  async #follow(
    path: string,
    onReport: (report: FaultReport) => void,
  ): Promise<{ readonly ended: Promise<void> }> {
    const client = new Client("http://keeper", { socketPath: socketPath(this.#dir), bodyTimeout: 0 });
    this.#followers.add(client);
    const { statusCode, body } = await client.request({ method: "GET", path });
    if (statusCode !== 200) throw refusalOf(await body.text());
    const reader = new NdjsonReader(
      (value) => onReport(value as FaultReport),
      () => undefined,
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    body.on("data", (chunk: Buffer) => reader.push(chunk));
    body.once("close", () => {
      resolve();
      this.#followers.delete(client);
      client.close().catch(() => undefined);
    });
    body.on("error", () => undefined);
    return { ended: promise };
  }

  /** Drills that it has are given up by that. */
  async close(): Promise<void> {
    await Promise.all([this.#client, ...this.#followers].map((client) => client.destroy()));
  }

  async #answers(): Promise<boolean> {
    try {
      await this.list();
      return true;
    } catch (error) {
      if (codeOf(error) === "KEEPER_GONE") return false;
      throw error;
    }
  }

  async #call<T>(method: "GET" | "POST" | "DELETE", path: string, value?: unknown): Promise<T> {
    const { statusCode, body } = await this.#send(method, path, value);
    const text = await body.text();
    if (statusCode === 200) return JSON.parse(text) as T;
    throw refusalOf(text);
  }

  async #send(
    method: "GET" | "POST" | "DELETE",
    path: string,
    value: unknown,
  ): ReturnType<Client["request"]> {
    const sent =
      value === undefined
        ? {}
        : { body: JSON.stringify(value), headers: { "content-type": "application/json" } };
    try {
      return await this.#client.request({ method, path, ...sent });
    } catch (error) {
      throw new UserError("KEEPER_GONE", `the keeper of faults in ${this.#dir} does not answer`, {
        hint: "`anycastle fault list` starts another, which undoes what it left",
        exitCode: EXIT.failure,
        cause: error,
      });
    }
  }
}

/** Nobody's child: in a group of its own, and it holds none of this process' pipes. */
function start(dir: string): void {
  const log = openLog(dir);
  const child = spawn(process.execPath, [ENTRY, "keeper", dir], {
    stdio: ["ignore", "ignore", log],
    env: childEnvironment({}),
    detached: true,
  });
  child.on("error", () => undefined);
  child.unref();
  if (typeof log === "number") closeSync(log);
}

/** What a keeper has to say that cannot start. A disk that refuses takes nobody's faults away from it. */
function openLog(dir: string): number | "ignore" {
  try {
    return openSync(logPath(dir), "w", LOG_MODE);
  } catch {
    return "ignore";
  }
}

function refusalOf(text: string): UserError {
  try {
    const { code, exitCode, hint, message } = (
      JSON.parse(text) as { error: { code: string; exitCode: number; hint?: string; message: string } }
    ).error;
    return new UserError(code, message, { exitCode, ...(hint === undefined ? {} : { hint }) });
  } catch {
    return new UserError("KEEPER_ANSWER", `the keeper answered: ${text.slice(0, 200)}`, {
      exitCode: EXIT.failure,
    });
  }
}
