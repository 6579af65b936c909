import { describe, expect, test } from "vitest";
import { z } from "zod";
import { gatewaySchema, parseGatewayConfig, type GatewayConfig } from "#gateway/config.ts";

const SITES = [
  {
    id: "ny1",
    nodes: [
      { id: "ny1-1", url: "http://127.0.0.1:9001" },
      { id: "ny1-2", url: "http://127.0.0.1:9002/" },
    ],
  },
];

function parse(extra: object): GatewayConfig {
  const result = parseGatewayConfig({ sites: SITES, ...extra });
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.config;
}

/** `path: message` of every issue. */
function issues(document: unknown): string[] {
  const result = parseGatewayConfig(document);
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path}: ${message}`);
}

test("a site and two nodes are enough: loopback, seed-001, nearest", () => {
  const config = parse({});
  expect(config.listen).toEqual({ host: "127.0.0.1", port: 8080 });
  expect(config.admin).toEqual({ host: "127.0.0.1", port: 8082 });
  expect(config.routing.mode).toBe("nearest");
  expect(config.health).toMatchObject({ profile: "seed-001", intervalMs: 5_000, timeoutMs: 2_000 });
  expect(config.sites[0]!.nodes.map(({ url, weight }) => [url, weight])).toEqual([
    ["http://127.0.0.1:9001", 100],
    ["http://127.0.0.1:9002", 100],
  ]);
  expect(config.isWanEmulated).toBe(false);
});

test("what is parsed cannot be changed", () => {
  const config = parse({});
  expect(Object.isFrozen(config.sites[0]!.nodes[0])).toBe(true);
  expect(Object.isFrozen(config.health)).toBe(true);
});

test("a single value overrides its profile", () => {
  const { health } = parse({ health: { profile: "demo", unhealthyThreshold: 7 } });
  expect(health).toMatchObject({
    intervalMs: 100,
    timeoutMs: 100,
    healthyThreshold: 2,
    unhealthyThreshold: 7,
  });
});

test("the demo profile keeps two hedges within 250 ms", () => {
  expect(parse({ health: { profile: "demo" } }).hedge).toMatchObject({ initialMs: 150, capMs: 150 });
  expect(parse({}).hedge).toMatchObject({ initialMs: 150, capMs: 1_000 });
});

test("a limit that follows may wait, and has a bound of its own where none is given", () => {
  const { admission } = parse({ admission: { waitingMax: 5, adaptive: { algorithm: "gradient" } } });
  expect(admission.adaptive).toMatchObject({ activeMin: 4, activeInitial: 20, activeMax: 1_000 });
  const bounded = parse({ admission: { activeMax: 50, adaptive: { algorithm: "aimd" } } });
  expect(bounded.admission.adaptive.activeMax).toBe(50);
  // Off, nothing about it matters.
  expect(parse({ admission: { activeMax: 2 } }).admission.adaptive.algorithm).toBe("off");
});

test("admin may be off", () => expect(parse({ admin: "off" }).admin).toBeUndefined());

test("all errors come at once, unknown keys by their own path", () => {
  expect(
    issues({
      lisetn: "x",
      sites: [{ id: "ny1", nodes: [{ id: "ny1-1", url: "ftp://127.0.0.1:9001", wieght: 3 }] }],
      health: { profile: "nope" },
    }),
  ).toEqual([
    "sites.0.nodes.0.url: must be http://host:port or https://host:port",
    'sites.0.nodes.0.wieght: unknown key "wieght"',
    expect.stringContaining("health.profile: "),
    'lisetn: unknown key "lisetn"',
  ]);
});

describe("across fields", () => {
  const twice = { id: "la1", nodes: [{ id: "ny1-1", url: "http://127.0.0.1:9002" }] };

  test.each([
    [{ sites: [...SITES, twice] }, 'sites.1.nodes.0.id: node "ny1-1" stands here twice'],
    [{ sites: [...SITES, twice] }, 'sites.1.nodes.0.url: url "http://127.0.0.1:9002" stands here twice'],
    [{ sites: [...SITES, ...SITES] }, 'sites.1.id: site "ny1" stands here twice'],
    [
      { sites: SITES, catchment: { fixed: { paris: [{ site: "xx1" }] } } },
      'catchment.fixed.paris.0.site: vantage "paris" names the unknown site "xx1"',
    ],
    [{ sites: SITES, wan: { emulate: true } }, expect.stringContaining("wan: there are no round-trip times")],
    [
      {
        sites: SITES,
        wan: { emulate: true },
        catchment: { fixed: { paris: [{ site: "ny1" }] } },
      },
      expect.stringContaining("wan: there are no round-trip times"),
    ],
    [{ sites: SITES, listen: "127.0.0.1:70000" }, "listen: port 70000 is not in 0..65535"],
    [
      { sites: SITES, health: { profile: "demo", timeoutMs: 200 } },
      "health.timeoutMs: timeout 200 ms is longer than the interval, 100 ms: checks would overlap",
    ],
    [
      { sites: SITES, balancer: { algorithm: "ip_hash", slowStart: { windowMs: 1_000 } } },
      expect.stringContaining("balancer.slowStart.windowMs: slow start would move clients"),
    ],
    [
      {
        sites: SITES.map((site) => ({ ...site, algorithm: "consistent_hash" })),
        balancer: { slowStart: { windowMs: 1_000 } },
      },
      expect.stringContaining("with consistent_hash (sites.0.algorithm)"),
    ],
    [
      {
        sites: SITES.map((site) => ({ ...site, algorithm: "ip_hash" })),
        balancer: { algorithm: "consistent_hash", hashBy: "header:x-user" },
      },
      "sites.0.algorithm: ip_hash hashes by address and balancer.algorithm by header:x-user: take consistent_hash for both, or hashBy ip",
    ],
    [{ sites: SITES, sticky: { by: "header:" } }, "sticky.by: must be `cookie`, `ip` or `header:NAME`"],
    [
      { sites: SITES, hedge: { floorMs: 200, capMs: 100 } },
      "hedge.floorMs: floor 200 ms is above the cap, 100 ms",
    ],
    [
      { sites: SITES, retry: { perTryTimeoutMs: 500, totalTimeoutMs: 400 } },
      "retry.perTryTimeoutMs: 500 ms is longer than totalTimeoutMs, 400 ms",
    ],
    [{ sites: SITES, catchment: { nearest: true } }, expect.stringContaining("routing.vantages: ")],
    [
      { sites: SITES, admission: { waitingMax: 5 } },
      expect.stringContaining("admission.waitingMax: nobody waits where neither"),
    ],
    [
      { sites: SITES, admission: { activeMax: 10, adaptive: { algorithm: "aimd" } } },
      "admission.adaptive.activeInitial: 20 is not in 4..10: give one of those",
    ],
    [
      { sites: SITES, admission: { activeMax: 3, adaptive: { algorithm: "gradient" } } },
      "admission.adaptive.activeMin: 4 is above the most, 3 (`admission.activeMax`): give less, or raise that",
    ],
    [
      { sites: SITES, body: { spill: { directory: "spill" } } },
      "body.spill.directory: must be an absolute path",
    ],
    [
      { sites: SITES, paths: [{ id: "a", match: ["/"], tier: "P9" }] },
      expect.stringContaining("paths.0.tier: "),
    ],
  ])("%j is refused", (document, expected) => expect(issues(document)).toContainEqual(expected));

  test("what does not fit together is told beside what the schema refuses", () => {
    expect(
      issues({
        lisetn: "x",
        listen: "127.0.0.1:70000",
        sites: [
          {
            id: "ny1",
            nodes: [
              { id: "a", url: "http://127.0.0.1:1", weight: -1 },
              { id: "a", url: "no" },
            ],
          },
          { id: "ny1", nodes: [{ id: "b", url: "http://127.0.0.1:1/" }] },
        ],
        catchment: { fixed: { paris: [{ site: "xx1", rttMs: 1 }] } },
        health: { profile: "demo", timeoutMs: 200 },
        retry: { perTryTimeoutMs: 500, totalTimeoutMs: 400 },
        hedge: { floorMs: 0 },
      }),
    ).toEqual([
      expect.stringContaining("sites.0.nodes.0.weight: "),
      "sites.0.nodes.1.url: must be http://host:port or https://host:port",
      expect.stringContaining("hedge.floorMs: "),
      'lisetn: unknown key "lisetn"',
      'sites.0.nodes.1.id: node "a" stands here twice',
      'sites.1.id: site "ny1" stands here twice',
      'sites.1.nodes.0.url: url "http://127.0.0.1:1" stands here twice',
      "listen: port 70000 is not in 0..65535",
      'catchment.fixed.paris.0.site: vantage "paris" names the unknown site "xx1"',
      "health.timeoutMs: timeout 200 ms is longer than the interval, 100 ms: checks would overlap",
      "retry.perTryTimeoutMs: 500 ms is longer than totalTimeoutMs, 400 ms",
    ]);
  });

  test.each([
    [
      "a site whose id is spoilt may be the one that a catchment names",
      { sites: [{ ...SITES[0], id: "NY1" }], catchment: { fixed: { paris: [{ site: "ny1" }] } } },
      1,
    ],
    ["no sites, no unknown ones", { catchment: { fixed: { paris: [{ site: "ny1" }] } } }, 1],
    [
      "a catchment that was not understood has no round-trip times to miss",
      { sites: SITES, wan: { emulate: true }, catchment: { fixd: {} } },
      1,
    ],
    [
      "with an unknown profile its times are unknown",
      { sites: SITES, health: { profile: "nope", timeoutMs: 9_000 }, hedge: { floorMs: 500, capMs: 400 } },
      1,
    ],
    ["what is no document has no fields", "text", 1],
    ["sites that are no list have no names", { sites: "ny1" }, 1],
  ])("%s: nothing is told twice", (_name, document, count) => expect(issues(document)).toHaveLength(count));

  test("wan with a feed or with fixed times is accepted", () => {
    expect(
      parse({ wan: { emulate: true }, catchment: { feed: "http://127.0.0.1:9100/v1/catchments" } })
        .isWanEmulated,
    ).toBe(true);
    const fixed = { paris: [{ site: "ny1", rttMs: 80 }] };
    expect(parse({ wan: { emulate: true }, catchment: { fixed } }).isWanEmulated).toBe(true);
  });

  test("a site with one node is a warning, not an error", () => {
    const sites = [{ id: "ny1", nodes: [{ id: "ny1-1", url: "http://127.0.0.1:9001" }] }];
    const result = parseGatewayConfig({ sites });
    expect(result.ok && result.warnings.map(({ path }) => path)).toEqual(["sites.0.nodes"]);
  });
});

test("every field of the schema has a description", () => {
  const missing: string[] = [];
  walk(z.toJSONSchema(gatewaySchema, { io: "input" }) as Record<string, unknown>, "");
  expect(missing).toEqual([]);

  function walk(schema: Record<string, unknown>, path: string): void {
    for (const [key, value] of Object.entries((schema["properties"] ?? {}) as Record<string, never>)) {
      const child = value as Record<string, unknown>;
      const isGroup = child["properties"] !== undefined || child["anyOf"] !== undefined;
      if (!isGroup && child["description"] === undefined) missing.push(`${path}${key}`);
      walk(child, `${path}${key}.`);
    }
    for (const option of (schema["anyOf"] ?? []) as Record<string, unknown>[]) walk(option, path);
    if (schema["items"] !== undefined) walk(schema["items"] as Record<string, unknown>, `${path}[].`);
  }
});
