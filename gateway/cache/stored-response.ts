/**
 * A response that is kept: whether it may be (RFC 9111 §3), how long it is fresh and how old it is (§4.2), what it is good for
 * (§4.1, §4.3). Pure; times are milliseconds of the gateway's clock, ages seconds.
 *
 * More careful than need be: no lifetime is guessed (§4.2.2), nothing with Set-Cookie is kept, nothing partial (206).
 */
import { dateMs } from "#core/host/clock.ts";
import { readCacheControl, type CacheControl } from "./cache-control.ts";
import { valueOf, without } from "../forward/fields.ts";

/** Statuses whose meaning does not hang on the request beyond its fields (RFC 9110 §15.1). */
const STORABLE = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Of one exchange, not of the response; the gateway writes its own. */
const NOT_KEPT = new Set([
  "x-request-id",
  "connection",
  "age",
  "cache-status",
  "content-length",
  "server-timing",
]);

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
}

export interface CacheRules {
  /** For responses that say nothing of it, seconds. */
  readonly staleIfErrorS: number;
}

export interface StoredResponse extends ResponseHead {
  readonly body: Buffer;
  readonly control: CacheControl;
  /** When it was received. */
  readonly storedMs: number;
  /** Its age then. */
  readonly ageS: number;
  readonly lifetimeS: number;
  readonly staleIfErrorS: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Fields of the request that it was chosen by, in lower case, and their values then. */
  readonly vary: readonly (readonly [name: string, value: string | undefined])[];
}

/** Why a response may not be kept; undefined: it may. */
export function whyNotStored(
  requestFields: readonly string[],
  { status, fields }: ResponseHead,
): string | undefined {
  const control = readCacheControl(valueOf(fields, "cache-control"));
  if (!STORABLE.has(status)) return "status";
  if (control.noStore || readCacheControl(valueOf(requestFields, "cache-control")).noStore) return "no-store";
  if (control.isPrivate) return "private";
  if (valueOf(fields, "set-cookie") !== undefined) return "set-cookie";
  if (valueOf(fields, "vary")?.includes("*") === true) return "vary";
  if (valueOf(fields, "trailer") !== undefined) return "trailers";
  if (valueOf(requestFields, "authorization") !== undefined && !control.isForAll) return "authorization";
  const hasValidator =
    valueOf(fields, "etag") !== undefined || valueOf(fields, "last-modified") !== undefined;
  const isExplicit = lifetimeOf(control, fields) !== undefined || control.noCache;
  if (!isExplicit) return "no lifetime";
  if ((lifetimeOf(control, fields) ?? 0) === 0 && !hasValidator) return "stale at once";
  return undefined;
}

export function storedResponse(
  requestFields: readonly string[],
  head: ResponseHead,
  body: Buffer,
  { askedMs, nowMs, wallMs }: { readonly askedMs: number; readonly nowMs: number; readonly wallMs: number },
  rules: CacheRules,
): StoredResponse {
  const control = readCacheControl(valueOf(head.fields, "cache-control"));
  const varied = (valueOf(head.fields, "vary") ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  return {
    status: head.status,
    reason: head.reason,
    fields: without(head.fields, NOT_KEPT),
    body,
    control,
    storedMs: nowMs,
    ageS: initialAgeS(head.fields, nowMs - askedMs, wallMs),
    lifetimeS: control.noCache ? 0 : (lifetimeOf(control, head.fields) ?? 0),
    staleIfErrorS:
      control.mustRevalidate || control.noCache ? 0 : (control.staleIfError ?? rules.staleIfErrorS),
    etag: valueOf(head.fields, "etag"),
    lastModified: valueOf(head.fields, "last-modified"),
    vary: varied.map((name) => [name, valueOf(requestFields, name)] as const),
  };
}

/** §4.3.4: the node has said that it still holds (304). */
export function freshened(
  stored: StoredResponse,
  fields: readonly string[],
  times: { readonly askedMs: number; readonly nowMs: number; readonly wallMs: number },
  rules: CacheRules,
): StoredResponse {
  const renewed = new Set<string>();
  for (let index = 0; index < fields.length; index += 2) renewed.add(fields[index]!.toLowerCase());
  const head = { ...stored, fields: [...without(stored.fields, renewed), ...fields] };
  return { ...storedResponse([], head, stored.body, times, rules), vary: stored.vary };
}

/** §4.2.3, seconds. */
export function ageOf({ ageS, storedMs }: StoredResponse, nowMs: number): number {
  return ageS + (nowMs - storedMs) / 1_000;
}

/** It was chosen for such a request (§4.1). */
export function isFor({ vary }: StoredResponse, requestFields: readonly string[]): boolean {
  return vary.every(([name, value]) => valueOf(requestFields, name) === value);
}

/** May be given out without asking anybody. `request`: what it says of caches. */
export function isFresh(stored: StoredResponse, request: CacheControl, nowMs: number): boolean {
  const age = ageOf(stored, nowMs);
  if (request.noCache || stored.control.noCache) return false;
  if (request.maxAge !== undefined && age > request.maxAge) return false;
  if (age + (request.minFresh ?? 0) < stored.lifetimeS) return true;
  if (stored.control.mustRevalidate || request.maxStale === undefined) return false;
  return age < stored.lifetimeS + request.maxStale;
}

/** May be given out because nobody else answers (RFC 5861 §4). `request`: it may allow more. */
export function isGoodEnough(stored: StoredResponse, request: CacheControl, nowMs: number): boolean {
  const staleS = ageOf(stored, nowMs) - stored.lifetimeS;
  const allowedS = stored.control.mustRevalidate || stored.control.noCache ? 0 : (request.staleIfError ?? 0);
  return staleS <= Math.max(stored.staleIfErrorS, allowedS) && Math.max(stored.staleIfErrorS, allowedS) > 0;
}

/** The client has it already (RFC 9110 §13.1.2, §13.1.3): 304 will do. */
export function isKnownTo({ etag, lastModified }: StoredResponse, requestFields: readonly string[]): boolean {
  const tags = valueOf(requestFields, "if-none-match");
  if (tags !== undefined) {
    if (tags.trim() === "*") return true;
    return etag !== undefined && tags.split(",").some((tag) => opaque(tag) === opaque(etag));
  }
  const since = valueOf(requestFields, "if-modified-since");
  if (since === undefined || lastModified === undefined) return false;
  return dateMs(lastModified) <= dateMs(since);
}

/** Weak comparison (RFC 9110 §8.8.3.2). */
function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, "");
}

/** §4.2.1, of a shared cache; undefined: it does not say. */
function lifetimeOf(control: CacheControl, fields: readonly string[]): number | undefined {
  if (control.sharedMaxAge !== undefined) return control.sharedMaxAge;
  if (control.maxAge !== undefined) return control.maxAge;
  const expires = valueOf(fields, "expires");
  if (expires === undefined) return undefined;
  const seconds = (dateMs(expires) - dateMs(valueOf(fields, "date"))) / 1_000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}

/** §4.2.3: what others have kept it for, what it took to come, what its date says; the largest of them. */
function initialAgeS(fields: readonly string[], tookMs: number, wallMs: number): number {
  const told = Number(valueOf(fields, "age") ?? 0);
  const madeMs = dateMs(valueOf(fields, "date"));
  const apparent = Number.isFinite(madeMs) ? Math.max(0, (wallMs - madeMs) / 1_000) : 0;
  return Math.max(apparent, (Number.isFinite(told) && told >= 0 ? told : 0) + tookMs / 1_000);
}
