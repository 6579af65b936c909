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
 * Exchanges do not know of it: it stands in the client's place while one runs. What may have changed something makes it forget
 * what is kept and what is on its way to be kept. Left out: Range (passed through), background revalidation, lifetimes by guess.
 */
import type { CacheConfig } from "../config/cache.ts";
import type { ClientResponse, GivenAnswer } from "../forward/client-response.ts";
import type { Engine } from "../forward/exchange.ts";
import { valueOf, without } from "../forward/fields.ts";
import type { ClientConnection } from "../listener/client-connection.ts";
import type { RequestHead } from "../listener/request-head.ts";
import { readCacheControl, type CacheControl } from "./cache-control.ts";
import { cacheStatus, type AnsweredResult, type Need } from "./cache-status.ts";
import { Filling } from "./filling.ts";
import { Flight, type FlightEnd, type WaitEnd } from "./flight.ts";
import { Forgetting } from "./forgetting.ts";
import { ResponseStore } from "./response-store.ts";
import { ageOf, isFresh, isGoodEnough, isKnownTo, type StoredResponse } from "./stored-response.ts";

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

interface Ask {
  readonly asked: CacheRequest;
  readonly key: string;
  readonly control: CacheControl;
  readonly forward: Forward;
}

/** How an answer from the store is told. */
interface Telling {
  readonly result: AnsweredResult;
  readonly need: Need;
  /** It was somebody else's request that was answered so. */
  readonly isCollapsed?: boolean;
  readonly requestId: string;
}

const CONDITIONS = new Set([
  "if-none-match",
  "if-modified-since",
  "if-match",
  "if-unmodified-since",
  "if-range",
]);
/** Of a 304: what describes the body that is not sent (RFC 9110 §15.4.5). */
const OF_BODY = new Set(["content-type", "content-encoding", "content-language", "content-range"]);
/** As the IANA registry of methods has it; of all others nobody knows what they change (RFC 9110 §9.2.1). */
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"]);
const NO_NODE = -1;
const NO_CONTROL = readCacheControl(undefined);

export class ResponseCache {
  readonly #config: CacheConfig;
  readonly #store: ResponseStore;
  readonly #flights = new Map<string, Flight>();
  /** By key: what is on its way and may be kept. */
  readonly #fillings = new Map<string, Set<Filling>>();
  #waiting = 0;
  #heldBytes = 0;

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
      return forward(new Forgetting(response, () => this.#forgetPath(head, engine.config.subsets)));
    }
    const control = readCacheControl(valueOf(head.fields, "cache-control") ?? pragmaOf(head));
    const isRange = valueOf(head.fields, "range") !== undefined;
    const isSafe = head.method === "GET" || head.method === "HEAD";
    if (!isSafe || head.bodyBytes !== 0 || isRange || control.noStore) return this.#pass(asked, forward);
    const stored = this.#store.find(key, head.fields);
    if (stored !== undefined && isFresh(stored, control, engine.clock.nowMs())) {
      return this.#give(asked, stored, { result: "hit", need: "stale" });
    }
    if (control.onlyIfCached) return this.#refuse(asked);
    const isConditional = head.fields.some(
      (name, index) => index % 2 === 0 && CONDITIONS.has(name.toLowerCase()),
    );
    if (head.method === "HEAD" || (stored === undefined && isConditional)) return this.#pass(asked, forward);
    this.#ask({ asked, key, control, forward });
  }

  /** Every variant, and what is on its way; but not `by`, which has brought the news. */
  forget(key: string, by?: Filling): void {
    this.#store.forget(key);
    this.#spoil([...(this.#fillings.get(key) ?? [])].filter((filling) => filling !== by));
  }

  /** All there is; what was there is returned. */
  clear(): { readonly entries: number; readonly bytes: number } {
    const cleared = this.#store.clear();
    this.#spoil([...this.#fillings.values()].flatMap((fillings) => [...fillings]));
    return cleared;
  }

  // For fillings.

  /** Room for so many bytes of an answer that is being collected; false: there is none. */
  hold(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#config.bytesMax) return false;
    this.#heldBytes += bytes;
    return true;
  }

  letGo(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** Its answer is there, or will not be kept: those who waited get it, or ask themselves. */
  ended(filling: Filling, flight: Flight | undefined, how: FlightEnd): void {
    this.#unlist(filling);
    if (flight !== undefined) this.#land(flight, how);
  }

  /** Nothing will come of it, and nobody knows more than before. */
  left(filling: Filling, flight: Flight | undefined): void {
    this.#unlist(filling);
    if (flight === undefined || flight.handOn(filling.clockMs)) return;
    this.#land(flight, "over");
  }

  /** Head and body as the client is to have them: 304 if it knows them. */
  write(asked: CacheRequest, stored: StoredResponse, telling: Telling): GivenAnswer {
    const { connection, engine, head, response } = asked;
    const { result, need, isCollapsed, requestId } = telling;
    engine.telemetry.cached(result);
    const isKnown = isKnownTo(stored, head.fields);
    const status = isKnown ? 304 : stored.status;
    const fields = isKnown ? without(stored.fields, OF_BODY) : [...stored.fields];
    if (!isKnown && status !== 204) fields.push("content-length", String(stored.body.length));
    const age = Math.floor(ageOf(stored, engine.clock.nowMs()));
    fields.push("age", String(age), "cache-status", cacheStatus(result, need, isCollapsed));
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

  /** Not those that are begun because of it: whoever waited asks for what is true now. */
  #spoil(fillings: readonly Filling[]): void {
    for (const filling of fillings) filling.spoil();
  }

  #land(flight: Flight, how: FlightEnd): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
    flight.end(how);
  }

  #unlist(filling: Filling): void {
    const fillings = this.#fillings.get(filling.key);
    if (fillings?.delete(filling) === true && fillings.size === 0) this.#fillings.delete(filling.key);
  }

  /** From the store, without an exchange. */
  #give(asked: CacheRequest, stored: StoredResponse, telling: Omit<Telling, "requestId">): void {
    const { engine, head } = asked;
    const { clock, telemetry } = engine;
    const nowMs = clock.nowMs();
    telemetry.requestStarted();
    const requestId = engine.requestIds.of(head.requestId);
    const { bytes, status } = this.write(asked, stored, { ...telling, requestId });
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

  /** Whichever nodes it was asked of. */
  #forgetPath(head: RequestHead, subsets: readonly { readonly id: string }[]): void {
    for (const subset of [undefined, ...subsets.map(({ id }) => id)]) this.forget(keyOf(head, subset));
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
    const flight = this.#flights.get(key);
    // One that has been under way for longer than anybody waits holds up nobody any more.
    const isRecent = flight !== undefined && nowMs - flight.sinceMs < this.#config.waitMs;
    if (isRecent && this.#waiting < this.#config.waitersMax) return this.#wait(ask, flight, nowMs);
    if (isRecent) return this.#askNode(ask, undefined);
    const led = new Flight(key, nowMs);
    this.#flights.set(key, led);
    this.#askNode(ask, led);
  }

  /** `flight`: it leads it. */
  #askNode({ asked, control, forward, key }: Ask, flight: Flight | undefined): void {
    const { engine, head } = asked;
    const stored = this.#store.find(key, head.fields);
    const need = this.#needOf(key, stored, engine.clock.nowMs());
    // What the client knows is compared with what comes; the node is asked about what the cache knows.
    const requestFields = [...head.fields];
    if (stored !== undefined) replaceConditions(head.fields, stored);
    const config = this.#config;
    const filling = new Filling(this, { asked, control, key, stored, need, requestFields, flight, config });
    const fillings = this.#fillings.get(key);
    if (fillings === undefined) this.#fillings.set(key, new Set([filling]));
    else fillings.add(filling);
    forward(filling);
  }

  #needOf(key: string, stored: StoredResponse | undefined, nowMs: number): Need {
    if (stored === undefined) return this.#store.has(key) ? "vary-miss" : "uri-miss";
    return isFresh(stored, NO_CONTROL, nowMs) ? "request" : "stale";
  }

  #wait(ask: Ask, flight: Flight, nowMs: number): void {
    const { connection, engine, head, vantage } = ask.asked;
    const stored = this.#store.find(ask.key, head.fields);
    const need = this.#needOf(ask.key, stored, nowMs);
    this.#waiting += 1;
    flight.join({ connection, engine, vantage, dueMs: nowMs + this.#config.waitMs }, (end) => {
      this.#waiting -= 1;
      if (end !== "gone") this.#waited(ask, flight, need, end);
    });
  }

  #waited(ask: Ask, flight: Flight, need: Need, end: WaitEnd): void {
    const { asked, control, key } = ask;
    const nowMs = asked.engine.clock.nowMs();
    const stored = this.#store.find(key, asked.head.fields);
    if (stored !== undefined && isFresh(stored, control, nowMs)) {
      this.#give(asked, stored, { result: "collapsed", need });
      if (end === "lead") this.#land(flight, "over");
      return;
    }
    if (end === "stale" && stored !== undefined && isGoodEnough(stored, control, nowMs)) {
      return this.#give(asked, stored, { result: "stale", need, isCollapsed: true });
    }
    // Alone, unless it leads: were they to wait for each other again, they would be asked one after the other.
    this.#askNode(ask, end === "lead" ? flight : undefined);
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
