/**
 * In the client's place while an exchange runs: keeps what passes, and answers from the store where that is better.
 *
 * While an answer is being collected it is read ahead of a client that reads slowly, within the store's bounds: what one client
 * takes its time with holds up nobody who waits for the same.
 */
import { wallMs } from "#core/host/clock.ts";
import type { CacheConfig } from "../config/cache.ts";
import type { ClientResponse, GivenAnswer } from "../forward/client-response.ts";
import { picked, valueOf, without } from "../forward/fields.ts";
import type { CacheControl } from "./cache-control.ts";
import { cacheStatus, type AnsweredResult, type Need } from "./cache-status.ts";
import type { Flight, FlightEnd } from "./flight.ts";
import type { CacheRequest, ResponseCache } from "./response-cache.ts";
import {
  freshened,
  isGoodEnough,
  storedResponse,
  whyNotStored,
  type ResponseHead,
  type StoredResponse,
} from "./stored-response.ts";

/** Of a 304: for the client that asked, and for nobody else. */
const OF_ONE_CLIENT = new Set(["set-cookie", "server-timing"]);

export interface FillingAsk {
  readonly asked: CacheRequest;
  readonly key: string;
  readonly control: CacheControl;
  /** What is kept and was not good enough to be given at once. */
  readonly stored: StoredResponse | undefined;
  readonly need: Need;
  /** As the client sent them. */
  readonly requestFields: readonly string[];
  /** Present where others wait for it, or may. */
  readonly flight: Flight | undefined;
  readonly config: CacheConfig;
}

export class Filling implements ClientResponse {
  readonly key: string;
  readonly #cache: ResponseCache;
  readonly #ask: FillingAsk;
  readonly #askedMs: number;
  #head: ResponseHead | undefined;
  /** undefined: it is not kept. */
  #chunks: Buffer[] | undefined;
  #bytes = 0;
  /** What the exchange says from here on is dropped. */
  #given: GivenAnswer | undefined;
  /** Something has changed since it was asked: neither what comes nor what was kept may pass for what is. */
  #isSpoilt = false;
  #isReleased = false;

  constructor(cache: ResponseCache, ask: FillingAsk) {
    this.key = ask.key;
    this.#cache = cache;
    this.#ask = ask;
    this.#askedMs = this.clockMs;
    // Before its end: what has come so far is not the answer.
    ask.asked.response.once("close", () => this.#leave());
  }

  writeHead(status: number, reasonOrFields: string | string[], maybeFields?: string[]): void {
    const reason = typeof reasonOrFields === "string" ? reasonOrFields : "";
    const fields = typeof reasonOrFields === "string" ? maybeFields! : reasonOrFields;
    const { asked, config, need, requestFields, stored } = this.#ask;
    if (stored !== undefined && status === 304) return this.#revalidated(stored, fields);
    if (status >= 500 && this.answerInstead() !== undefined) return;
    this.#head = { status, reason, fields: [...fields] };
    const declared = Number(valueOf(fields, "content-length") ?? 0);
    const isKept =
      !this.#isSpoilt &&
      declared <= config.entryBytesMax &&
      whyNotStored(requestFields, this.#head) === undefined;
    if (isKept) this.#chunks = [];
    else this.#release("over");
    asked.engine.telemetry.cached("miss");
    const told = [...fields, "cache-status", cacheStatus("miss", need)];
    if (reason === "") asked.response.writeHead(status, told);
    else asked.response.writeHead(status, reason, told);
  }

  /** Of the one client that asked: who waits for its answer, and who gets it from the store, gets none. */
  writeInformation(status: number, fields: string[]): void {
    if (this.#given === undefined) this.#ask.asked.response.writeInformation?.(status, fields);
  }

  get socket(): unknown {
    return this.#ask.asked.response.socket;
  }

  /** Milliseconds, of the engine it was asked under. */
  get clockMs(): number {
    return this.#ask.asked.engine.clock.nowMs();
  }

  get givenInstead(): GivenAnswer | undefined {
    return this.#given;
  }

  answerInstead(): GivenAnswer | undefined {
    const { control, stored } = this.#ask;
    if (this.#isSpoilt || stored === undefined) return undefined;
    if (!isGoodEnough(stored, control, this.clockMs)) return undefined;
    this.#answer(stored, "stale");
    this.#release("stale");
    return this.#given;
  }

  write(chunk: Buffer): boolean {
    if (this.#given !== undefined) return true;
    const isKept = this.#record(chunk);
    return this.#ask.asked.response.write(chunk) || isKept;
  }

  end(body?: string | Buffer): void {
    if (this.#given !== undefined) return;
    if (body !== undefined) this.#record(Buffer.from(body));
    this.#ask.asked.response.end(body);
    this.#keep();
    this.#release("over");
  }

  flushHeaders(): void {
    if (this.#given === undefined) this.#ask.asked.response.flushHeaders();
  }

  /** Nobody who is answered from the store would get them. */
  addTrailers(trailers: [string, string][]): void {
    if (this.#given !== undefined) return;
    this.#drop();
    this.#ask.asked.response.addTrailers(trailers);
  }

  once(event: "drain" | "close", listener: () => void): void {
    this.#ask.asked.response.once(event, listener);
  }

  /** What it brings is out of date already. */
  spoil(): void {
    this.#isSpoilt = true;
    this.#leave();
  }

  #leave(): void {
    this.#drop();
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#cache.left(this, this.#ask.flight);
  }

  #record(chunk: Buffer): boolean {
    if (this.#chunks === undefined) return false;
    const bytes = this.#bytes + chunk.length;
    if (bytes <= this.#ask.config.entryBytesMax && this.#cache.hold(chunk.length)) {
      this.#bytes = bytes;
      this.#chunks.push(chunk);
      return true;
    }
    this.#drop();
    this.#release("over");
    return false;
  }

  #drop(): void {
    this.#chunks = undefined;
    this.#cache.letGo(this.#bytes);
    this.#bytes = 0;
  }

  #keep(): void {
    if (this.#chunks === undefined || this.#head === undefined) return;
    const body = Buffer.concat(this.#chunks);
    const { config, key, requestFields } = this.#ask;
    this.#drop();
    const response = storedResponse(requestFields, this.#head, body, this.#times(), config);
    this.#cache.store.put(key, requestFields, response);
  }

  #revalidated(stored: StoredResponse, fields: readonly string[]): void {
    const { config, key, requestFields } = this.#ask;
    const { store } = this.#cache;
    const fresh = freshened(stored, without(fields, OF_ONE_CLIENT), this.#times(), config);
    const why = whyNotStored(requestFields, fresh);
    // Not what has come in its place meanwhile, and not what has been forgotten.
    if (why === undefined) store.replace(key, stored, fresh);
    // Of a client with credentials of its own: what others get has not changed.
    else if (why !== "authorization") this.#cache.forget(key, this);
    this.#answer({ ...fresh, fields: [...fresh.fields, ...picked(fields, OF_ONE_CLIENT)] }, "revalidated");
    this.#release("over");
  }

  /** The exchange counts and logs the request; here it is only written. */
  #answer(stored: StoredResponse, result: AnsweredResult): void {
    const { asked, need, requestFields } = this.#ask;
    const head = { ...asked.head, fields: [...requestFields] };
    const requestId = asked.engine.requestIds.of(asked.head.requestId);
    this.#given = this.#cache.write({ ...asked, head }, stored, { result, need, requestId });
  }

  #times(): { readonly askedMs: number; readonly nowMs: number; readonly wallMs: number } {
    return { askedMs: this.#askedMs, nowMs: this.clockMs, wallMs: wallMs() };
  }

  #release(end: FlightEnd): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#cache.ended(this, this.#ask.flight, end);
  }
}
