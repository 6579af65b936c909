/** How a command talks to the lab that runs: found by its file, authorised by its token. */
import { request } from "undici";
import { codeOf, EXIT, UserError } from "#core/errors.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type {
  ActionReply,
  ErrorReply,
  FailReply,
  FailRequest,
  LabFile,
  LabStatus,
  LinkReply,
  MisbehaveRequest,
  TargetRequest,
} from "#core/wire/control.ts";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import { defaultRuntimeDir, findRunningLab } from "./runtime-dir.ts";

/** A reset waits until the whole cast is proven. */
const ANSWER_MS_MAX = 60_000;

export class LabClient {
  readonly file: LabFile;

  private constructor(file: LabFile) {
    this.file = file;
  }

  /** Throws `LAB_NONE` (exit 3) when none runs. */
  static find(runtimeDir = defaultRuntimeDir()): LabClient {
    const file = findRunningLab(runtimeDir);
    if (file !== undefined) return new LabClient(file);
    throw new UserError("LAB_NONE", "no lab is running", {
      hint: "start one with `npm start` (or `anycastle demo`) in another terminal",
      exitCode: EXIT.unreachable,
    });
  }

  get gatewayUrl(): string {
    return this.file.gatewayUrl;
  }

  status(): Promise<LabStatus> {
    return this.#call<LabStatus>("GET", "/api/v1/status");
  }

  fail(body: FailRequest): Promise<FailReply> {
    return this.#call<FailReply>("POST", "/api/v1/fail", body);
  }

  misbehave(body: MisbehaveRequest): Promise<ActionReply> {
    return this.#call<ActionReply>("POST", "/api/v1/misbehave", body);
  }

  revive(body: TargetRequest): Promise<ActionReply> {
    return this.#call<ActionReply>("POST", "/api/v1/revive", body);
  }

  drain(body: TargetRequest): Promise<ActionReply> {
    return this.#call<ActionReply>("POST", "/api/v1/drain", body);
  }

  reset(): Promise<ActionReply> {
    return this.#call<ActionReply>("POST", "/api/v1/reset", {});
  }

  emit(body: EventBody): Promise<ActionReply> {
    return this.#call<ActionReply>("POST", "/api/v1/events", body);
  }

  /** A one-time link to the page. */
  link(): Promise<LinkReply> {
    return this.#call<LinkReply>("POST", "/api/v1/links", {});
  }

  stop(): Promise<ActionReply> {
    return this.#call<ActionReply>("POST", "/api/v1/stop", {});
  }

  /** Events after `since`; with `isFollowing` it ends only with the lab. */
  async *events(since: number, isFollowing: boolean): AsyncGenerator<JournalEvent> {
    const path = `/api/v1/events?since=${since}&follow=${isFollowing ? 1 : 0}`;
    const { statusCode, body } = await this.#send("GET", path);
    if (statusCode !== 200) throw refusalOf(statusCode, await body.text());
    const found: JournalEvent[] = [];
    const reader = new NdjsonReader(
      (value) => found.push(value as JournalEvent),
      () => undefined,
    );
    try {
      for await (const chunk of body) {
        reader.push(chunk as Buffer);
        yield* found.splice(0);
      }
    } catch (error) {
      // A lab that was killed ends its streams by dying.
      if (codeOf(error) !== "UND_ERR_SOCKET" && codeOf(error) !== "ECONNRESET") throw error;
    }
  }

  async #call<T>(method: "GET" | "POST", path: string, value?: unknown): Promise<T> {
    const { statusCode, body } = await this.#send(method, path, value);
    const text = await body.text();
    if (statusCode === 200) return JSON.parse(text) as T;
    throw refusalOf(statusCode, text);
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    value?: unknown,
  ): Promise<Awaited<ReturnType<typeof request>>> {
    try {
      return await request(`${this.file.controlUrl}${path}`, {
        method,
        headersTimeout: ANSWER_MS_MAX,
        bodyTimeout: 0,
        ...(value === undefined
          ? {}
          : {
              body: JSON.stringify(value),
              headers: { "content-type": "application/json", authorization: `Bearer ${this.file.token}` },
            }),
      });
    } catch (error) {
      throw new UserError("LAB_SILENT", `the lab at ${this.file.controlUrl} does not answer`, {
        hint: `its process is ${this.file.pid}; if it hangs, end it and start a new one`,
        exitCode: EXIT.unreachable,
        cause: error,
      });
    }
  }
}

/** What the lab refused, as if it had been refused here. */
function refusalOf(statusCode: number, text: string): UserError {
  const exitCode = statusCode >= 500 ? EXIT.failure : EXIT.usage;
  try {
    const { code, message, hint } = (JSON.parse(text) as ErrorReply).error;
    return new UserError(code, message, { exitCode, ...(hint === undefined ? {} : { hint }) });
  } catch {
    return new UserError("LAB_ANSWER", `the lab answered ${statusCode}: ${text.slice(0, 200)}`, { exitCode });
  }
}
