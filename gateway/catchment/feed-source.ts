/**
 * `CatchmentSource` behind which a simulator stands: the reader of its NDJSON feed (`core/wire/catchment.ts`).
 *
 * It connects, reads, watches for the heartbeat and connects again, for ever, with a short bounded back-off; what the
 * words mean is `FeedTable`'s. Losing the feed fails nothing: the last answer stays in force, flagged stale.
 */
import { request, type ClientRequest } from "node:http";
import { messageOf } from "#core/errors.ts";
import type { Timer } from "#core/host/clock.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { CatchmentFeedLine, CatchmentSource, Routes } from "#core/wire/catchment.ts";
import type { GatewayClock } from "../gateway-clock.ts";
import { FeedTable } from "./feed-table.ts";

const BACKOFF_MIN_MS = 25;
const BACKOFF_MAX_MS = 1_000;
/** The feed beats every second; two and a half missed beats are a dead feed. */
const SILENCE_MAX_MS = 2_500;
const WATCH_MS = 250;

export interface FeedSourceOptions {
  readonly url: string;
  readonly clock: GatewayClock;
  /** Called when the state changes: `live` after a sync, `stale` when the feed is lost. */
  readonly onState: (state: "live" | "stale", reason: string) => void;
}

export class FeedSource implements CatchmentSource {
  readonly #options: FeedSourceOptions;
  readonly #table = new FeedTable();
  readonly #listeners = new Set<(vantages: readonly string[]) => void>();
  #request: ClientRequest | undefined;
  #backoffMs = BACKOFF_MIN_MS;
  #heardMs = 0;
  #timer: Timer | undefined;
  #watch: Timer | undefined;
  #state: "none" | "live" | "stale" = "none";
  #isStopped = false;

  constructor(options: FeedSourceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#connect();
    this.#beat();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#watch?.cancel();
    this.#request?.destroy();
  }

  /** `stale` also before the first answer. */
  get state(): "live" | "stale" {
    return this.#state === "live" ? "live" : "stale";
  }

  routes(vantage: string): Routes | undefined {
    return this.#table.routes(vantage);
  }

  announcedNodes(site: string): readonly string[] | undefined {
    return this.#table.announcedNodes(site);
  }

  subscribe(onChange: (vantages: readonly string[]) => void): () => void {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  }

  #connect(): void {
    this.#heardMs = this.#options.clock.nowMs();
    const current = request(this.#options.url, { agent: false }, (response) => {
      if (response.statusCode !== 200) {
        current.destroy(new Error(`the feed answered ${response.statusCode}`));
        return;
      }
      const reader = new NdjsonReader(
        (value) => this.#hear(current, value as CatchmentFeedLine),
        (error) => current.destroy(error),
      );
      response.on("data", (chunk: Buffer) => reader.push(chunk));
      response.on("error", (error) => this.#lost(current, messageOf(error)));
      response.on("close", () => this.#lost(current, "the feed ended"));
    });
    current.on("error", (error) => this.#lost(current, messageOf(error)));
    current.end();
    this.#request = current;
  }

  #hear(from: ClientRequest, line: CatchmentFeedLine): void {
    if (from !== this.#request) return;
    const nowMs = this.#options.clock.nowMs();
    this.#heardMs = nowMs;
    const touched = this.#table.hear(line, nowMs);
    if (touched === undefined) {
      from.destroy(new Error("the feed speaks another protocol"));
      return;
    }
    if (line.type === "synced") this.#backoffMs = BACKOFF_MIN_MS;
    this.#tell(touched);
    this.#noteLive();
  }

  #noteLive(): void {
    if (!this.#table.isLive || this.#state === "live") return;
    this.#state = "live";
    this.#options.onState("live", "synced");
  }

  #lost(from: ClientRequest, reason: string): void {
    if (from !== this.#request || this.#isStopped) return;
    this.#request = undefined;
    from.destroy();
    this.#tell(this.#table.lose());
    if (this.#state !== "stale") {
      this.#state = "stale";
      this.#options.onState("stale", reason);
    }
    this.#timer = this.#options.clock.after(this.#backoffMs, () => this.#connect());
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MAX_MS);
  }

  /** Notices silence, and lets a settling answer come into force. */
  #beat(): void {
    const dueMs = this.#options.clock.nowMs() + WATCH_MS;
    this.#watch = this.#options.clock.after(WATCH_MS, () => {
      const nowMs = this.#options.clock.nowMs();
      // Woken late, this process stood still itself: the beats may lie unread in the socket.
      const isLate = nowMs - dueMs > WATCH_MS;
      if (!isLate && this.#request !== undefined && nowMs - this.#heardMs > SILENCE_MAX_MS) {
        this.#lost(this.#request, `no heartbeat for ${Math.round(nowMs - this.#heardMs)} ms`);
      }
      this.#tell(this.#table.settle(nowMs));
      this.#noteLive();
      this.#beat();
    });
  }

  #tell(vantages: readonly string[]): void {
    if (vantages.length === 0) return;
    for (const listener of this.#listeners) listener(vantages);
  }
}
