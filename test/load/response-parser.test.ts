import fc from "fast-check";
import { expect, test } from "vitest";
import { ResponseParser } from "#loadtest/http/response-parser.ts";

type Verdict = "complete" | "incomplete" | "broken";

function parse(
  text: string,
  options: { isHead?: boolean; isClosed?: boolean; cuts?: number[] } = {},
): ResponseParser {
  const parser = new ResponseParser();
  parser.begin(options.isHead ?? false);
  const bytes = Buffer.from(text, "latin1");
  let start = 0;
  for (const cut of [...(options.cuts ?? []), bytes.length]) {
    if (cut > start) parser.push(bytes.subarray(start, cut));
    start = Math.max(start, cut);
  }
  if (options.isClosed) parser.close();
  return parser;
}

function verdictOf(parser: ResponseParser): Verdict {
  if (parser.isBroken) return "broken";
  return parser.isComplete ? "complete" : "incomplete";
}

const CASES: readonly [
  name: string,
  text: string,
  verdict: Verdict,
  options?: { isHead?: boolean; isClosed?: boolean },
][] = [
  ["a counted body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "complete"],
  ["a body that is cut short", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", "incomplete"],
  ["no body", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "complete"],
  ["the answer to HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", "complete", { isHead: true }],
  ["204 whatever it says", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", "complete"],
  ["304 whatever it says", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "complete"],
  [
    "chunks with extensions and a trailer",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nx-sum: 1\r\n\r\n",
    "complete",
  ],
  [
    "chunks without the last one",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "incomplete",
  ],
  [
    "a chunk longer than it says",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
    "broken",
  ],
  [
    "a chunk size that is no number",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nhello",
    "broken",
  ],
  ["a body that ends with the connection", "HTTP/1.0 200 OK\r\n\r\nhello", "complete", { isClosed: true }],
  ["the same while it is open", "HTTP/1.0 200 OK\r\n\r\nhello", "incomplete"],
  [
    "a counted body that ends with the connection",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",
    "incomplete",
    { isClosed: true },
  ],
  [
    "an interim response first",
    "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "complete",
  ],
  ["an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "broken"],
  [
    "two lengths that differ",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
    "broken",
  ],
  ["a length that is no number", "HTTP/1.1 200 OK\r\ncontent-length: 2x\r\n\r\nok", "broken"],
  ["a field without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "broken"],
  ["something that is no HTTP", "SSH-2.0-OpenSSH\r\n\r\n", "broken"],
  ["a head without end", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(40_000)}`, "broken"],
];

test.each(CASES)("%s", (_name, text, verdict, options) => {
  expect(verdictOf(parse(text, options))).toBe(verdict);
});

test("it makes no difference where chunks of the stream end", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CASES),
      fc.array(fc.nat(200), { maxLength: 8 }),
      ([, text, verdict, options], cuts) => {
        const parser = parse(text, { ...options, cuts: cuts.toSorted((a, b) => a - b) });
        return verdictOf(parser) === verdict;
      },
    ),
    { numRuns: 500 },
  );
});

test("arbitrary bytes never throw", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.uint8Array({ maxLength: 400 }), (hasHead, bytes) => {
      const head = hasHead ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" : "";
      parse(head + Buffer.from(bytes).toString("latin1"), { isClosed: true });
    }),
  );
});

test("who answered and whether the connection may be used again", () => {
  const kept = parse(
    "HTTP/1.1 200 OK\r\nX-Edge-Route: ny1\r\nX-Edge-Node: ny1-2\r\nKeep-Alive: timeout=7\r\ncontent-length: 0\r\n\r\n",
  );
  expect([kept.site, kept.node, kept.isKeepAlive, kept.keepAliveMs]).toEqual(["ny1", "ny1-2", true, 7000]);
  const closing = parse("HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n");
  expect(closing.isKeepAlive).toBe(false);
  const old = parse("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n");
  expect(old.isKeepAlive).toBe(false);
  const both = parse("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
  expect([both.isComplete, both.isKeepAlive]).toEqual([true, false]);
  const excess = parse("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab");
  expect([excess.isComplete, excess.hasExcess]).toEqual([true, true]);
});

test("a parser starts afresh with each request", () => {
  const parser = parse("HTTP/1.1 502 Bad Gateway\r\nx-edge-node: a\r\ncontent-length: 1\r\n\r\nx");
  parser.begin(false);
  expect([parser.status, parser.node, parser.isComplete]).toEqual([0, null, false]);
  parser.push(Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"));
  expect([parser.status, parser.isComplete]).toEqual([200, true]);
});
