/**
 * The cache before the exchanges (RFC 9111, shared): answers from what is kept, asks whether it still holds, keeps what comes by,
 * and lets requests for the same thing wait for the one that is under way.
 *
 *     request -- fresh ----------------------------------------------------> from the store (304 if the client has it)
 *        |-- the same is under way: waits for it
 *        '-- stale or unknown --> exchange, with the stored validator --> 304: the stored one, made fresh
 *                                                     |--> 5xx, nobody there: the stored one, if it is good enough
 *                                                     '--> anything else: passed on, and kept on its way if it may be
 *
 * Exchanges do not know of it: it stands in the client's place while one runs. Left out: Range (passed through), background
 * revalidation, lifetimes by guess.
 */
import { wallMs } from "#core/host/clock.ts";
import type { CacheConfig } from "../config/cache.ts";
import type { ClientResponse } from "../forward/client-response.ts";
import type { Deadlined } from "../forward/deadlines.ts";
import type { Engine } from "../forward/exchange.ts";
import type { ClientConnection, OpenRequest } from "../listener/client-connection.ts";
import type { RequestHead } from "../listener/request-head.ts";
import { readCacheControl, type CacheControl } from "./cache-control.ts";
import { valueOf, without } from "../forward/fields.ts";
import { ResponseStore } from "./response-store.ts";
import {
  ageOf,
  freshened,
  isFresh,
  isGoodEnough,
  isKnownTo,
  storedResponse,
  whyNotStored,
  type ResponseHead,
  type StoredResponse,
} from "./stored-response.ts";

export const CACHE_RESULTS = ["hit", "miss", "revalidated", "stale", "collapsed", "bypass"] as const;

export type CacheResult = (typeof CACHE_RESULTS)[number];

export interface CacheRequest {
  readonly engine: Engine;
  readonly connection: ClientConnection;
  readonly head: RequestHead;
  readonly vantage: string;
  /** Of the nodes that it is for: others may answer otherwise. Undefined: all. */
  readonly subset: string | undefined;
  readonly response: ClientResponse;
}

/** Runs the request's exchange, which answers to `response`. */
type Forward = (response: ClientResponse) => void;

const CONDITIONS = new Set([
  "if-none-match",
  "if-modified-since",
  "if-match",
  "if-unmodified-since",
  "if-range",
]);
/** Of a 304: what describes the body that is not sent (RFC 9110 §15.4.5). */
const OF_BODY = new Set(["content-type", "content-encoding", "content-language", "content-range"]);
/** Of all others nobody knows what they change (RFC 9110 §9.2.1). */
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"]);
const NO_NODE = -1;
/** RFC 9211. */
const STATUS_TEXTS: Readonly<Record<CacheResult, string>> = {
  hit: "anycastle; hit",
  collapsed: "anycastle; hit; collapsed",
  revalidated: "anycastle; hit; fwd=stale; fwd-status=304",
  stale: "anycastle; hit; fwd=stale; detail=stale-if-error",
  miss: "anycastle; fwd=uri-miss",
  bypass: "anycastle; fwd=bypass",
};

export class ResponseCache {
  readonly #config: CacheConfig;
  readonly #store: ResponseStore;
  /** By key: who waits for the request that is under way. */
  readonly #underWay = new Map<string, { readonly waiters: Set<Waiter>; readonly sinceMs: number }>();
  #waiting = 0;

  constructor(config: CacheConfig) {
    this.#config = config;
    this.#store = new ResponseStore(config);
  }

  get store(): ResponseStore {
    return this.#store;
  }

  /** Requests that wait for the answer to the same one. */
  get waiting(): number {
    return this.#waiting;
  }

  serve(asked: CacheRequest, forward: Forward): void {
    const { engine, head, response, subset } = asked;
    const key = keyOf(head, subset);
    if (!SAFE.has(head.method)) {
      return forward(new Forgetting(response, () => this.#forget(head, engine.config.subsets)));
    }
    const control = readCacheControl(valueOf(head.fields, "cache-control") ?? pragmaOf(head));
    const isRange = valueOf(head.fields, "range") !== undefined;
    const isSafe = head.method === "GET" || head.method === "HEAD";
    if (!isSafe || head.bodyBytes !== 0 || isRange || control.noStore) return this.#pass(asked, forward);
    const stored = this.#store.find(key, head.fields);
    if (stored !== undefined && isFresh(stored, control, engine.clock.nowMs())) {
      return this.give(asked, stored, "hit");
    }
    if (control.onlyIfCached) return this.#refuse(asked);
    const isConditional = head.fields.some(
      (name, index) => index % 2 === 0 && CONDITIONS.has(name.toLowerCase()),
    );
    if (head.method === "HEAD" || (stored === undefined && isConditional)) return this.#pass(asked, forward);
    this.#ask({ asked, key, control, stored, forward });
  }

  /** From the store, without an exchange. */
  give(asked: CacheRequest, stored: StoredResponse, result: CacheResult): void {
    const { engine, head } = asked;
    const { clock, telemetry } = engine;
    const nowMs = clock.nowMs();
    telemetry.requestStarted();
    const requestId = engine.requestIds.of(head.requestId);
    const { bytes, status } = this.write(asked, stored, result, requestId);
    const durationMs = clock.nowMs() - nowMs;
    telemetry.requestEnded({ outcome: "ok", node: NO_NODE, method: head.method, status, durationMs });
    engine.accessLog?.write({
      requestId,
      client: head.client,
      vantage: asked.vantage,
      method: head.method,
      path: head.path,
      status,
      outcome: "ok",
      failure: undefined,
      durationMs,
      bytes,
      attempts: [],
    });
  }

  /** Head and body as the client is to have them: 304 if it knows them. */
  write(
    { connection, engine, head, response }: CacheRequest,
    stored: StoredResponse,
    result: CacheResult,
    requestId: string,
  ): { readonly status: number; readonly bytes: number } {
    engine.telemetry.cached(result);
    const isKnown = isKnownTo(stored, head.fields);
    const status = isKnown ? 304 : stored.status;
    const fields = isKnown ? without(stored.fields, OF_BODY) : [...stored.fields];
    if (!isKnown && status !== 204) fields.push("content-length", String(stored.body.length));
    const age = Math.floor(ageOf(stored, engine.clock.nowMs()));
    fields.push("age", String(age), "cache-status", STATUS_TEXTS[result]);
    if (engine.config.hasRequestId) fields.push("x-request-id", requestId);
    if (engine.phase.isDraining) {
      fields.push("connection", "close");
      connection.isClosing = true;
    }
    response.writeHead(status, fields);
    const isSent = head.method !== "HEAD" && !isKnown && stored.body.length > 0;
    response.end(isSent ? stored.body : undefined);
    return { status, bytes: isSent ? stored.body.length : 0 };
  }

  keep(key: string, requestFields: readonly string[], response: StoredResponse): void {
    this.#store.put(key, requestFields, response);
  }

  /** What was asked has come, or will not: those who waited get it, or ask themselves. */
  release(key: string): void {
    const underWay = this.#underWay.get(key);
    this.#underWay.delete(key);
    for (const waiter of underWay?.waiters ?? []) waiter.end();
  }

  /** Whichever nodes it was asked of. */
  #forget(head: RequestHead, subsets: readonly { readonly id: string }[]): void {
    for (const subset of [undefined, ...subsets.map(({ id }) => id)]) this.#store.forget(keyOf(head, subset));
  }

  #pass(asked: CacheRequest, forward: Forward): void {
    asked.engine.telemetry.cached("bypass");
    forward(asked.response);
  }

  /** RFC 9111 §5.2.1.7. */
  #refuse({ engine, head, response }: CacheRequest): void {
    engine.telemetry.requestRefused(head.method, 504);
    const body = "504 not in the cache, and nobody else may be asked (only-if-cached)\n";
    response.writeHead(504, [
      "content-type",
      "text/plain; charset=utf-8",
      "content-length",
      String(body.length),
    ]);
    response.end(head.method === "HEAD" ? undefined : body);
  }

  #ask(ask: Ask): void {
    const { asked, key } = ask;
    const nowMs = asked.engine.clock.nowMs();
    const underWay = this.#underWay.get(key);
    // One that has been under way for longer than anybody waits holds up nobody any more.
    const isRecent = underWay !== undefined && nowMs - underWay.sinceMs < this.#config.waitMs;
    if (isRecent && this.#waiting < this.#config.waitersMax) return this.#wait(ask, underWay.waiters);
    if (!isRecent) this.#underWay.set(key, { waiters: new Set(), sinceMs: nowMs });
    this.#askNode(ask, !isRecent);
  }

  /** `isFirst`: others wait for it. */
  #askNode(ask: Ask, isFirst: boolean): void {
    const { asked, stored } = ask;
    // What the client knows is compared with what comes; the node is asked about what the cache knows.
    const fields = [...asked.head.fields];
    if (stored !== undefined) replaceConditions(asked.head.fields, stored);
    const filling = new Filling(this, { ...ask, requestFields: fields, isFirst, config: this.#config });
    asked.response.once("close", () => filling.clientClosed());
    ask.forward(filling);
  }

  #wait(ask: Ask, waiters: Set<Waiter>): void {
    const { clock } = ask.asked.engine;
    this.#waiting += 1;
    const waiter = new Waiter(ask.asked, clock.nowMs() + this.#config.waitMs, (isGone) => {
      this.#waiting -= 1;
      waiters.delete(waiter);
      if (isGone) return;
      const { engine, head } = ask.asked;
      const stored = this.#store.find(ask.key, head.fields);
      const isThere = stored !== undefined && isFresh(stored, ask.control, engine.clock.nowMs());
      if (isThere) return this.give(ask.asked, stored, "collapsed");
      // Alone: were they to wait for each other again, they would be asked one after the other.
      this.#askNode({ ...ask, stored }, false);
    });
    waiters.add(waiter);
  }
}

interface Ask {
  readonly asked: CacheRequest;
  readonly key: string;
  readonly control: CacheControl;
  readonly stored: StoredResponse | undefined;
  readonly forward: Forward;
}

interface FillingAsk extends Ask {
  /** As the client sent them. */
  readonly requestFields: readonly string[];
  /** Others wait for it. */
  readonly isFirst: boolean;
  readonly config: CacheConfig;
}

/** In the client's place while an exchange runs: keeps what passes, and answers from the store where that is better. */
class Filling implements ClientResponse {
  readonly #cache: ResponseCache;
  readonly #ask: FillingAsk;
  readonly #askedMs: number;
  readonly #epoch: number;
  #head: ResponseHead | undefined;
  /** undefined: it is not kept. */
  #chunks: Buffer[] | undefined;
  #bytes = 0;
  /** The client has been answered from the store; what the exchange says from here on is dropped. */
  #isAnswered = false;
  #isOver = false;

  constructor(cache: ResponseCache, ask: FillingAsk) {
    this.#cache = cache;
    this.#ask = ask;
    this.#askedMs = ask.asked.engine.clock.nowMs();
    this.#epoch = cache.store.epoch;
  }

  writeHead(status: number, reasonOrFields: string | string[], maybeFields?: string[]): void {
    const reason = typeof reasonOrFields === "string" ? reasonOrFields : "";
    const fields = typeof reasonOrFields === "string" ? maybeFields! : reasonOrFields;
    const { asked, stored } = this.#ask;
    if (stored !== undefined && status === 304) return this.#revalidated(stored, fields);
    if (status >= 500 && this.answerInstead() !== undefined) return;
    this.#head = { status, reason, fields: [...fields] };
    const declared = Number(valueOf(fields, "content-length") ?? 0);
    const isKept =
      declared <= this.#ask.config.entryBytesMax &&
      whyNotStored(this.#ask.requestFields, this.#head) === undefined;
    if (isKept) this.#chunks = [];
    else this.#release();
    asked.engine.telemetry.cached("miss");
    const how = stored === undefined ? STATUS_TEXTS.miss : "anycastle; fwd=stale";
    const told = [...fields, "cache-status", how];
    if (reason === "") asked.response.writeHead(status, told);
    else asked.response.writeHead(status, reason, told);
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  answerInstead(): number | undefined {
    const { asked, control, stored } = this.#ask;
    if (stored === undefined || !isGoodEnough(stored, control, asked.engine.clock.nowMs())) return undefined;
    return this.#answer(stored, "stale");
  }

  write(chunk: Buffer): boolean {
    if (this.#isAnswered) return true;
    this.#record(chunk);
    return this.#ask.asked.response.write(chunk);
  }

  end(body?: string | Buffer): void {
    if (this.#isAnswered) return;
    if (body !== undefined) this.#record(Buffer.from(body));
    this.#ask.asked.response.end(body);
    this.#complete();
  }

  flushHeaders(): void {
    if (!this.#isAnswered) this.#ask.asked.response.flushHeaders();
  }

  /** Nobody who is answered from the store would get them. */
  addTrailers(trailers: [string, string][]): void {
    if (this.#isAnswered) return;
    this.#chunks = undefined;
    this.#ask.asked.response.addTrailers(trailers);
  }

  once(event: "drain" | "close", listener: () => void): void {
    this.#ask.asked.response.once(event, listener);
  }

  /** Before its end: what has come so far is not the answer. */
  clientClosed(): void {
    this.#chunks = undefined;
    this.#release();
  }

  #record(chunk: Buffer): void {
    if (this.#chunks === undefined) return;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#ask.config.entryBytesMax) return void this.#chunks.push(chunk);
    this.#chunks = undefined;
    this.#release();
  }

  #complete(): void {
    const isCurrent = this.#epoch === this.#cache.store.epoch;
    if (isCurrent && this.#chunks !== undefined && this.#head !== undefined) {
      const body = Buffer.concat(this.#chunks);
      const { config, key, requestFields } = this.#ask;
      this.#cache.keep(
        key,
        requestFields,
        storedResponse(requestFields, this.#head, body, this.#times(), config),
      );
    }
    this.#release();
  }

  #revalidated(stored: StoredResponse, fields: readonly string[]): void {
    const { config, key, requestFields } = this.#ask;
    const fresh = freshened(stored, fields, this.#times(), config);
    // What the 304 brings may be for this client alone.
    if (whyNotStored(requestFields, fresh) !== undefined) this.#cache.store.forget(key);
    else if (this.#epoch === this.#cache.store.epoch) this.#cache.keep(key, requestFields, fresh);
    this.#answer(fresh, "revalidated");
    this.#release();
  }

  /** The exchange counts and logs the request; here it is only written. */
  #answer(stored: StoredResponse, result: CacheResult): number {
    const { asked, requestFields } = this.#ask;
    const head = { ...asked.head, fields: [...requestFields] };
    this.#isAnswered = true;
    const requestId = asked.engine.requestIds.of(asked.head.requestId);
    const { status } = this.#cache.write({ ...asked, head }, stored, result, requestId);
    this.#release();
    return status;
  }

  #times(): { readonly askedMs: number; readonly nowMs: number; readonly wallMs: number } {
    return { askedMs: this.#askedMs, nowMs: this.#ask.asked.engine.clock.nowMs(), wallMs: wallMs() };
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#ask.isFirst) this.#cache.release(this.#ask.key);
  }
}

/** Waits for the answer to the same request of somebody else's. */
class Waiter implements OpenRequest, Deadlined {
  readonly vantage: string;
  dueMs: number;
  deadlineSlot = -1;
  readonly #asked: CacheRequest;
  readonly #onEnd: (isGone: boolean) => void;
  #isOver = false;

  constructor(asked: CacheRequest, dueMs: number, onEnd: (isGone: boolean) => void) {
    this.vantage = asked.vantage;
    this.dueMs = dueMs;
    this.#asked = asked;
    this.#onEnd = onEnd;
    asked.connection.open.add(this);
    asked.engine.deadlines.add(this);
  }

  end(isGone = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#asked.connection.open.delete(this);
    this.#asked.engine.deadlines.remove(this);
    this.#onEnd(isGone);
  }

  due(): void {
    this.end();
  }

  clientGone(): void {
    this.end(true);
  }

  cutOff(): void {
    this.end(true);
  }
}

/** An answer that says that something has changed: what was kept of it is forgotten (§4.4). */
class Forgetting implements ClientResponse {
  readonly #response: ClientResponse;
  readonly #forget: () => void;

  constructor(response: ClientResponse, forget: () => void) {
    this.#response = response;
    this.#forget = forget;
  }

  writeHead(status: number, reasonOrFields: string | string[], maybeFields?: string[]): void {
    if (status >= 200 && status < 400) this.#forget();
    if (typeof reasonOrFields === "string") this.#response.writeHead(status, reasonOrFields, maybeFields!);
    else this.#response.writeHead(status, reasonOrFields);
  }

  write(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }

  end(body?: string | Buffer): void {
    this.#response.end(body);
  }

  flushHeaders(): void {
    this.#response.flushHeaders();
  }

  addTrailers(trailers: [string, string][]): void {
    this.#response.addTrailers(trailers);
  }

  once(event: "drain" | "close", listener: () => void): void {
    this.#response.once(event, listener);
  }
}

function keyOf({ authority, path }: RequestHead, subset: string | undefined): string {
  const key = `${authority.toLowerCase()} ${path}`;
  return subset === undefined ? key : `${key} ${subset}`;
}

/** Of clients of HTTP/1.0 (RFC 9111 §5.4). */
function pragmaOf({ fields }: RequestHead): string | undefined {
  return valueOf(fields, "pragma")?.toLowerCase().includes("no-cache") === true ? "no-cache" : undefined;
}

/** The node is asked whether what is kept still holds (§4.3.1). */
function replaceConditions(fields: string[], { etag, lastModified }: StoredResponse): void {
  const kept = without(fields, CONDITIONS);
  fields.length = 0;
  fields.push(...kept);
  if (etag !== undefined) fields.push("if-none-match", etag);
  if (lastModified !== undefined) fields.push("if-modified-since", lastModified);
}
