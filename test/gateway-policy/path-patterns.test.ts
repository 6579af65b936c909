/** Which requests a pattern is for, and which sites it leaves. */
import { expect, test } from "vitest";
import { parseGatewayConfig } from "#gateway/config.ts";
import { PathPatterns, type PathPattern } from "#gateway/routing/path-patterns.ts";

function pattern(id: string, match: readonly string[], rest: Partial<PathPattern> = {}): PathPattern {
  return {
    id,
    match,
    methods: [],
    hosts: [],
    sites: undefined,
    subset: undefined,
    retryNonIdempotent: undefined,
    isHedged: undefined,
    tier: "P2",
    isSampled: true,
    isCached: true,
    ...rest,
  };
}

test.each([
  ["/a", ["/a", "/a?b=/c"], ["/a/", "/A", "/ab", "/", "/a/b"]],
  ["/a/**", ["/a", "/a/", "/a/b", "/a/b/c"], ["/ab", "/", "/b/a/"]],
  ["/**", ["/", "/a", "/a/b"], []],
  ["/*", ["/", "/a"], ["/a/b", "/a/"]],
  [
    "/users/*/orders",
    ["/users/7/orders", "/users//orders"],
    ["/users/7/orders/", "/users/7/8/orders", "/users/orders"],
  ],
  ["/img/*.png", ["/img/a.png", "/img/.png"], ["/img/a.png.gz", "/img/a/b.png", "/img/png"]],
  ["/v*/x/**", ["/v1/x", "/v/x/y"], ["/w1/x", "/v1/y"]],
  ["/a%2Fb", ["/a%2Fb"], ["/a/b", "/a%2fb"]],
  ["/aXa*aXa", ["/aXaaXa", "/aXa-aXa"], ["/aXa"]],
])("%s", (text, those, others) => {
  const patterns = new PathPatterns([pattern("p", [text])]);
  expect(those.filter((path) => patterns.of("GET", "h", path) === undefined)).toEqual([]);
  expect(others.filter((path) => patterns.of("GET", "h", path) !== undefined)).toEqual([]);
});

test("the first that fits, by method and by host without its port", () => {
  const patterns = new PathPatterns([
    pattern("post", ["/x", "/y"], { methods: ["POST"] }),
    pattern("api", ["/**"], { hosts: ["api.test", "[::1]"] }),
    pattern("rest", ["/x"]),
  ]);
  const idOf = (method: string, host: string, path: string): string | undefined =>
    patterns.of(method, host, path)?.id;
  expect(idOf("POST", "api.test", "/y")).toBe("post");
  expect(idOf("GET", "API.test:8080", "/y")).toBe("api");
  expect(idOf("GET", "[::1]:8080", "/y")).toBe("api");
  expect([idOf("GET", "www.test", "/x"), idOf("GET", "www.test", "/y")]).toEqual(["rest", undefined]);
});

test("sites stay in the view's order, and the same view gives the same answer", () => {
  const only = pattern("p", ["/**"], { sites: new Set([0, 2]) });
  const patterns = new PathPatterns([only]);
  const view = { sites: [2, 1, 0], rttUs: [5, 6, 7] };
  expect(patterns.narrow(view, only)).toEqual({ sites: [2, 0], rttUs: [5, 7] });
  expect(patterns.narrow(view, only)).toBe(patterns.narrow(view, only));
  expect(patterns.narrow(view, pattern("q", ["/**"]))).toBe(view);
});

test("a path of the greatest length is looked at once", () => {
  const patterns = new PathPatterns([pattern("p", [`/${"a*/".repeat(100)}b`])]);
  expect(patterns.of("GET", "h", `/${"a".repeat(15_000)}`)).toBe(undefined);
});

test.each([
  [{ id: "p", match: ["x"] }, "paths.0.match.0", "must be a path from / on"],
  [{ id: "p", match: ["/a/**/b"] }, "paths.0.match.0", "** only at its end"],
  [{ id: "p", match: ["/a*b*c"] }, "paths.0.match.0", "one * in a segment"],
  [{ id: "p", match: [] }, "paths.0.match", ""],
  [{ id: "p", match: ["/"], methods: ["get"] }, "paths.0.methods.0", "in capitals"],
  [{ id: "p", match: ["/"], sites: ["z"] }, "paths.0.sites.0", 'there is no site "z": sites are a'],
  [{ id: "a", match: ["/"] }, "paths.1.id", 'there is a pattern "a" before it'],
])("%j is refused", (section, path, message) => {
  const paths = section.id === "a" ? [section, section] : [section];
  const parsed = parseGatewayConfig({
    sites: [{ id: "a", nodes: [{ id: "a-1", url: "http://127.0.0.1:1" }] }],
    paths,
  });
  expect(parsed.ok ? [] : parsed.issues).toContainEqual({
    path,
    message: expect.stringContaining(message) as string,
  });
});
