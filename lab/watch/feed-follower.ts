/**
 * Follows the simulator's catchment feed: connects, reads, watches for the heartbeat, and connects again for as long as
 * it is asked to, with a bounded back-off. Every connection begins with the whole state, so nothing is lost in between
 * but the moment at which it happened.
 */
import { request, type ClientRequest } from "node:http";
import { messageOf } from "#core/errors.ts";
import { after, every, nowMs, type Timer } from "#core/host/clock.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { CatchmentFeedLine } from "#core/wire/catchment.ts";
import { feedLineOf, isNewerLine } from "./tellings.ts";

const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 1_000;
/** The feed beats every second; two and a half missed beats are a dead feed. */
const SILENCE_MAX_MS = 2_500;
const WATCH_MS = 250;

export interface FeedFollowerParts {
  readonly url: string;
  readonly onLine: (line: CatchmentFeedLine) => void;
  /** Once for each time it is lost, and when the first attempt fails. */
  readonly onLost: (reason: string) => void;
}

export class FeedFollower {
  readonly #parts: FeedFollowerParts;
  #request: ClientRequest | undefined;
  #backoffMs = BACKOFF_MIN_MS;
  #heardMs = 0;
  #retry: Timer | undefined;
  #watch: Timer | undefined;
  #isStopped = false;

  constructor(parts: FeedFollowerParts) {
    this.#parts = parts;
  }

  start(): void {
    let dueMs = nowMs() + WATCH_MS;
    this.#watch = every(WATCH_MS, () => {
      const isLate = nowMs() - dueMs > WATCH_MS;
      dueMs = nowMs() + WATCH_MS;
      // Woken late, this process stood still itself: the beats may lie unread in the socket.
      if (isLate || this.#request === undefined || nowMs() - this.#heardMs <= SILENCE_MAX_MS) return;
      this.#lost(this.#request, `no heartbeat for ${SILENCE_MAX_MS} ms`);
    });
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    this.#watch?.cancel();
    this.#retry?.cancel();
    this.#request?.destroy();
  }

  #connect(): void {
    this.#heardMs = nowMs();
    const current = request(this.#parts.url, { agent: false }, (response) => {
      if (response.statusCode !== 200) {
        current.destroy(new Error(`the feed answered ${response.statusCode}`));
        return;
      }
      const reader = new NdjsonReader(
        (value) => this.#hear(current, value),
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

  #hear(from: ClientRequest, value: unknown): void {
    if (from !== this.#request) return;
    this.#heardMs = nowMs();
    if (isNewerLine(value)) return;
    const line = feedLineOf(value);
    if (line === undefined) {
      from.destroy(new Error("the feed speaks another protocol"));
      return;
    }
    if (line.type === "synced") this.#backoffMs = BACKOFF_MIN_MS;
    this.#parts.onLine(line);
  }

  #lost(from: ClientRequest, reason: string): void {
    if (from !== this.#request || this.#isStopped) return;
    this.#request = undefined;
    from.destroy();
    this.#parts.onLost(reason);
    this.#retry = after(this.#backoffMs, () => this.#connect());
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MAX_MS);
  }
}
