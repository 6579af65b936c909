/** When the rest of a half-sent body may be asked of another node, and what is taken for it. */
import { expect, test } from "vitest";
import { resumePoint, type ResponseSign } from "#gateway/resilience/resume.ts";

const WHOLE: ResponseSign = {
  status: 200,
  etag: '"v1"',
  contentRange: undefined,
  contentEncoding: undefined,
  acceptRanges: "bytes",
  hasTrailers: false,
  contentLength: 1_000,
};
const PART: ResponseSign = { ...WHOLE, status: 206, contentRange: "bytes 100-299/1000", contentLength: 200 };
const REST: ResponseSign = { ...WHOLE, status: 206, contentRange: "bytes 400-999/1000", contentLength: 600 };

function pointAfter(bytes: number, sign: ResponseSign = WHOLE) {
  const point = resumePoint("GET", sign)!;
  expect(point.advance(bytes)).toBe(true);
  return point;
}

const NOT_RESUMABLE: readonly (readonly [string, string, Partial<ResponseSign>])[] = [
  ["another method", "HEAD", {}],
  ["a method with effects", "POST", {}],
  ["no ETag", "GET", { etag: undefined }],
  ["a weak ETag", "GET", { etag: 'W/"v1"' }],
  ["an ETag without quotes", "GET", { etag: "v1" }],
  ["an ETag with a quote inside", "GET", { etag: '"a"b"' }],
  ["two ETags", "GET", { etag: "" }],
  ["announced trailers", "GET", { hasTrailers: true }],
  ["a node that has no ranges", "GET", { acceptRanges: "none" }],
  ["a length nobody told", "GET", { contentLength: -1 }],
  ["another status", "GET", { status: 203 }],
  ["206 without its range (several of them)", "GET", { status: 206 }],
  ["206 whose range and length differ", "GET", { status: 206, contentRange: "bytes 0-9/1000" }],
  ["206 with a range that ends before it begins", "GET", { status: 206, contentRange: "bytes 9-0/1000" }],
  ["206 with a range beyond the body", "GET", { status: 206, contentRange: "bytes 0-999/999" }],
  ["206 of another unit", "GET", { status: 206, contentRange: "lines 0-999/1000" }],
];

for (const [what, method, change] of NOT_RESUMABLE) {
  test(`not to be gone on with: ${what}`, () => {
    expect(resumePoint(method, { ...WHOLE, ...change })).toBe(undefined);
  });
}

test("the rest is asked from the next byte to the last one promised, on condition that the body is the same", () => {
  expect(pointAfter(400).rangeFields(["accept", "*/*"])).toEqual([
    "accept",
    "*/*",
    "range",
    "bytes=400-999",
    "if-match",
    '"v1"',
  ]);
});

test("of a range that the client asked for, the rest of that range", () => {
  expect(pointAfter(50, PART).rangeFields(["Range", "bytes=100-299"])).toEqual([
    "range",
    "bytes=150-299",
    "if-match",
    '"v1"',
  ]);
});

test("the client's own conditions do not go along: If-None-Match would be answered by 304", () => {
  const own = ["If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Match", "If-Range", "RANGE"];
  const fields = own.flatMap((name) => [name, '"v1"']);
  expect(
    pointAfter(400)
      .rangeFields([...fields, "cookie", "a=1"])
      .filter((_, index) => index % 2 === 0),
  ).toEqual(["cookie", "range", "if-match"]);
});

test("the rest is taken", () => {
  expect(pointAfter(400).isContinuedBy(REST)).toBe(true);
  expect(pointAfter(400).isContinuedBy({ ...REST, contentLength: -1 })).toBe(true);
  expect(pointAfter(400).isContinuedBy({ ...REST, contentRange: "bytes 400-999/*" })).toBe(true);
});

const NOT_THE_REST: readonly (readonly [string, Partial<ResponseSign>])[] = [
  ["the whole body", { status: 200, contentRange: undefined, contentLength: 1_000 }],
  ["412, another version", { status: 412 }],
  ["416", { status: 416 }],
  ["an error", { status: 503 }],
  ["another ETag", { etag: '"v2"' }],
  ["the same ETag made weak", { etag: 'W/"v1"' }],
  ["no ETag", { etag: undefined }],
  ["another coding of the same", { contentEncoding: "gzip" }],
  ["a byte too early", { contentRange: "bytes 399-999/1000", contentLength: 601 }],
  ["a byte too late", { contentRange: "bytes 401-999/1000", contentLength: 599 }],
  ["less than the rest", { contentRange: "bytes 400-998/1000", contentLength: 599 }],
  ["less than the rest, length not told", { contentRange: "bytes 400-998/1000", contentLength: -1 }],
  ["a byte too early, length not told", { contentRange: "bytes 399-999/1000", contentLength: -1 }],
  ["a length that is not the range's", { contentLength: 599 }],
  ["no range", { contentRange: undefined }],
];

for (const [what, change] of NOT_THE_REST) {
  test(`not taken for the rest: ${what}`, () => {
    expect(pointAfter(400).isContinuedBy({ ...REST, ...change })).toBe(false);
  });
}

test("more bytes than were promised are refused, and nothing is counted", () => {
  const point = pointAfter(999);
  expect(point.advance(2)).toBe(false);
  expect([point.next, point.isComplete]).toEqual([999, false]);
  expect(point.advance(1)).toBe(true);
  expect(point.isComplete).toBe(true);
});
