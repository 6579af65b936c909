/** What a shared cache may keep, how long it is fresh, and what it is good for (RFC 9111). */
import { expect, test } from "vitest";
import { readCacheControl } from "#gateway/cache/cache-control.ts";
import { ResponseStore } from "#gateway/cache/response-store.ts";
import {
  ageOf,
  freshened,
  isFor,
  isFresh,
  isGoodEnough,
  isKnownTo,
  storedResponse,
  whyNotStored,
  type StoredResponse,
} from "#gateway/cache/stored-response.ts";

const NOON_MS = 1_700_000_000_000;
const DATE = new Date(NOON_MS).toUTCString();

/** `name: value` lines. */
function fieldsOf(...lines: readonly string[]): string[] {
  return lines.flatMap((line) => [
    line.slice(0, line.indexOf(":")),
    line.slice(line.indexOf(":") + 1).trim(),
  ]);
}

function why(response: readonly string[], request: readonly string[] = [], status = 200): string | undefined {
  return whyNotStored(fieldsOf(...request), { status, reason: "", fields: fieldsOf(...response) });
}

/** Received at 0 ms, a second after it was asked for. */
function kept(
  response: readonly string[],
  request: readonly string[] = [],
  staleIfErrorS = 0,
): StoredResponse {
  const head = { status: 200, reason: "", fields: fieldsOf(...response) };
  const times = { askedMs: -1_000, nowMs: 0, wallMs: NOON_MS };
  return storedResponse(fieldsOf(...request), head, Buffer.from("body"), times, { staleIfErrorS });
}

test.each([
  [["Cache-Control: max-age=60"], [], undefined],
  [["Cache-Control: S-MaxAge=60"], [], undefined],
  [["cache-control: public, s-maxage=60"], [], undefined],
  [["expires: Tue, 14 Nov 2023 22:13:20 GMT", `date: ${DATE}`], [], "stale at once"],
  [["cache-control: no-store, max-age=60"], [], "no-store"],
  [["cache-control: max-age=60"], ["cache-control: no-store"], "no-store"],
  [["cache-control: private, max-age=60"], [], "private"],
  [['cache-control: private="set-cookie", max-age=60'], [], "private"],
  [["cache-control: max-age=60", "set-cookie: a=b"], [], "set-cookie"],
  [["cache-control: max-age=60", "vary: accept, *"], [], "vary"],
  [["cache-control: max-age=60"], ["authorization: Basic eA=="], "authorization"],
  [["cache-control: public, max-age=60"], ["authorization: Basic eA=="], undefined],
  [["cache-control: must-revalidate, max-age=60"], ["authorization: Basic eA=="], undefined],
  [['etag: "a"'], [], "no lifetime"],
  [["cache-control: no-cache", 'etag: "a"'], [], undefined],
  [["cache-control: no-cache"], [], "stale at once"],
  [["cache-control: max-age=abc", 'etag: "a"'], [], undefined],
] as const)("%j for %j: %s", (response, request, expected) => expect(why(response, request)).toBe(expected));

test("only statuses that mean the same for everybody", () => {
  const statuses = [200, 203, 204, 206, 301, 302, 304, 307, 308, 404, 410, 500, 503];
  expect(statuses.filter((status) => why(["cache-control: max-age=60"], [], status) === undefined)).toEqual([
    200, 203, 204, 301, 308, 404, 410,
  ]);
});

test.each([
  [["cache-control: max-age=60"], 60],
  [["cache-control: max-age=60, s-maxage=10"], 10],
  [["cache-control: max-age=60", "expires: Thu, 01 Jan 1970 00:00:00 GMT"], 60],
  [[`date: ${DATE}`, `expires: ${new Date(NOON_MS + 90_000).toUTCString()}`], 90],
  [[`date: ${DATE}`, "expires: 0"], 0],
  [["cache-control: no-cache, max-age=60"], 0],
  [["cache-control: max-age=99999999999"], 2 ** 31],
])("%j is fresh for %d s", (response, lifetimeS) => expect(kept(response).lifetimeS).toBe(lifetimeS));

test("age: the way here, what others kept it for, what its date says; then it grows", () => {
  expect(kept(["cache-control: max-age=60"]).ageS).toBe(1);
  expect(kept(["cache-control: max-age=60", "age: 20"]).ageS).toBe(21);
  const old = kept(["cache-control: max-age=60", `date: ${new Date(NOON_MS - 30_000).toUTCString()}`]);
  expect([old.ageS, ageOf(old, 5_000)]).toEqual([30, 35]);
});

test.each([
  ["", 58_900, true],
  ["", 59_000, false],
  ["no-cache", 0, false],
  ["max-age=10", 8_900, true],
  ["max-age=10", 9_100, false],
  ["min-fresh=30", 28_900, true],
  ["min-fresh=30", 29_100, false],
  ["max-stale=10", 68_900, true],
  ["max-stale=10", 69_100, false],
  ["max-stale", 999_000, true],
])("of 60 s, asked with `%s` after %d ms: %s", (request, nowMs, expected) => {
  expect(isFresh(kept(["cache-control: max-age=60"]), readCacheControl(request), nowMs)).toBe(expected);
});

test("must-revalidate is obeyed whatever the client and the configuration allow", () => {
  const strict = kept(["cache-control: max-age=60, must-revalidate"], [], 600);
  expect(isFresh(strict, readCacheControl("max-stale"), 70_000)).toBe(false);
  expect(isGoodEnough(strict, readCacheControl("stale-if-error=600"), 70_000)).toBe(false);
});

test("stale if there is nobody else: as long as it says itself, else as the configuration does", () => {
  const none = readCacheControl("");
  const own = kept(["cache-control: max-age=60, stale-if-error=10"], [], 600);
  expect([68_900, 69_100].map((nowMs) => isGoodEnough(own, none, nowMs))).toEqual([true, false]);
  const ours = kept(["cache-control: max-age=60"], [], 600);
  expect([658_900, 659_100].map((nowMs) => isGoodEnough(ours, none, nowMs))).toEqual([true, false]);
  const not = kept(["cache-control: max-age=60"]);
  expect(isGoodEnough(not, none, 60_000)).toBe(false);
  expect(isGoodEnough(not, readCacheControl("stale-if-error=60"), 60_000)).toBe(true);
});

test("a variant is for requests with the same fields, absent ones included", () => {
  const german = kept(
    ["cache-control: max-age=60", "vary: Accept-Language, X-Plan"],
    ["accept-language: de"],
  );
  expect(isFor(german, fieldsOf("Accept-Language: de"))).toBe(true);
  expect(isFor(german, fieldsOf("accept-language: en"))).toBe(false);
  expect(isFor(german, fieldsOf("accept-language: de", "x-plan: a"))).toBe(false);
});

test("304 makes it fresh again, with the fields it brings", () => {
  const old = kept(["cache-control: max-age=60", 'etag: "a"', "x-old: 1"], ["accept: b"]);
  const times = { askedMs: 99_000, nowMs: 100_000, wallMs: NOON_MS + 100_000 };
  const fresh = freshened(old, fieldsOf("Cache-Control: max-age=5", "x-new: 2"), times, { staleIfErrorS: 0 });
  expect(fresh.fields).toEqual(["etag", '"a"', "x-old", "1", "Cache-Control", "max-age=5", "x-new", "2"]);
  expect([fresh.lifetimeS, ageOf(fresh, 100_000), fresh.body.toString()]).toEqual([5, 1, "body"]);
});

test("what the client has already: tags by weak comparison, else the date", () => {
  const tagged = kept(['etag: W/"a"', `last-modified: ${DATE}`]);
  expect(isKnownTo(tagged, fieldsOf('if-none-match: "b", "a"'))).toBe(true);
  expect(isKnownTo(tagged, fieldsOf("if-none-match: *"))).toBe(true);
  expect(isKnownTo(tagged, fieldsOf('if-none-match: "b"', `if-modified-since: ${DATE}`))).toBe(false);
  expect(isKnownTo(tagged, fieldsOf(`if-modified-since: ${DATE}`))).toBe(true);
  expect(isKnownTo(tagged, [])).toBe(false);
});

test("the store: bounds in bytes and number, the longest unused first, variants beside each other", () => {
  const one = (text: string, ...request: string[]): StoredResponse => ({
    ...kept(["vary: accept"], request),
    body: Buffer.alloc(1_000, text),
  });
  const store = new ResponseStore({ bytesMax: 5_000, entriesMax: 3 });
  for (const name of ["a", "b", "c"]) store.put(name, [], one(name));
  store.find("a", []);
  store.put("d", [], one("d"));
  expect(["a", "b", "c", "d"].map((name) => store.find(name, [])?.body[0])).toEqual([97, undefined, 99, 100]);
  store.put("a", fieldsOf("accept: x"), one("x", "accept: x"));
  expect(store.find("a", fieldsOf("accept: x"))?.body[0]).toBe(120);
  expect(store.count).toBe(3);
  store.put("e", [], { ...one("e"), body: Buffer.alloc(6_000) });
  expect(store.find("e", [])).toBe(undefined);
  store.forget("a");
  const { entries, bytes } = store.clear();
  expect([entries > 0, bytes > 0, store.bytes, store.count]).toEqual([true, true, 0, 0]);
});

test("what a variant was chosen by takes room too; what has gone meanwhile is not renewed", () => {
  const store = new ResponseStore({ bytesMax: 10_000, entriesMax: 10 });
  const short = kept(["vary: x-long"], ["x-long: a"]);
  const long = kept(["vary: x-long"], [`x-long: ${"a".repeat(4_000)}`]);
  store.put("short", fieldsOf("x-long: a"), short);
  const { bytes } = store;
  store.put("long", [], long);
  expect(store.bytes - 2 * bytes).toBe(3_999 + "long".length - "short".length);
  store.replace("short", short, { ...short, body: Buffer.from("anew") });
  expect(store.find("short", fieldsOf("x-long: a"))?.body.toString()).toBe("anew");
  store.replace("short", short, short);
  expect(store.find("short", fieldsOf("x-long: a"))?.body.toString()).toBe("anew");
  store.forget("short");
  store.replace("short", short, short);
  expect([store.has("short"), store.has("long")]).toEqual([false, true]);
});
