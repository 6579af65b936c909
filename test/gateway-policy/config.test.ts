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

describe("zones and subsets", () => {
  const site = (...labels: object[]): object => ({
    id: "ny1",
    nodes: labels.map((each, index) => ({
      id: `ny1-${index}`,
      url: `http://127.0.0.1:${9_001 + index}`,
      labels: each,
    })),
  });
  const sites = [site({ version: "v1" }, { version: "v2" })];
  const subsets = [
    { id: "v1", labels: { version: "v1" } },
    { id: "v2", labels: { version: "v2" }, fallback: "v1" },
  ];
  const all = { id: "all", match: ["/**"] };
  const half = [
    { subset: "v1", percent: 50 },
    { subset: "v2", percent: 50 },
  ];

  test("are off unless they are written", () => {
    const config = parse({});
    expect([config.balancer.zone, config.subsets]).toEqual([undefined, []]);
    expect(config.sites[0]!.nodes[0]).toMatchObject({ zone: undefined, labels: {} });
  });

  test("are numbered in the order of `subsets`, with shares in hundredths of a percent", () => {
    const paths = [
      {
        ...all,
        split: [
          { subset: "v2", percent: 0.07 },
          { subset: "v1", percent: 99.93 },
        ],
      },
    ];
    const { patterns } = parse({ sites, subsets, paths }).paths;
    expect(patterns[0]!.subset).toEqual({
      split: [
        { id: "v2", subset: 1, share: 7 },
        { id: "v1", subset: 0, share: 9_993 },
      ],
      splitBy: { part: "ip" },
      namedBy: undefined,
    });
  });

  test.each<[what: string, document: object, expected: string]>([
    [
      "a subset that there is not",
      { paths: [{ ...all, subset: "v3" }] },
      'paths.0.subset: there is no subset "v3": subsets are v1, v2',
    ],
    [
      "a subset without `subsets`",
      { subsets: [], paths: [{ ...all, subset: "v3" }] },
      'paths.0.subset: there is no subset "v3": `subsets` is empty',
    ],
    [
      "a split with a subset that there is not",
      { paths: [{ ...all, split: [...half, { subset: "v3", percent: 0 }] }] },
      'paths.0.split.2.subset: there is no subset "v3": subsets are v1, v2',
    ],
    [
      "a subset twice in a split",
      { paths: [{ ...all, split: [half[0], half[0]] }] },
      'paths.0.split.1.subset: subset "v1" stands here twice',
    ],
    [
      "a split that is not whole",
      { paths: [{ ...all, split: [{ subset: "v1", percent: 5.5 }] }] },
      "paths.0.split: its percents sum to 5.5, not to 100",
    ],
    [
      "a share finer than a hundredth",
      { paths: [{ ...all, split: [{ subset: "v1", percent: 0.001 }] }] },
      "paths.0.split.0.percent: goes by hundredths of a percent",
    ],
    [
      "a subset beside a split",
      { paths: [{ ...all, subset: "v1", split: half }] },
      "paths.0.split: there is a `subset` beside it: leave one of them out",
    ],
    [
      "a key for no split",
      { paths: [{ ...all, splitBy: "ip" }] },
      "paths.0.splitBy: there is no `split` to go by it",
    ],
    [
      "a field that names one of no split",
      { paths: [{ ...all, subset: "v1", subsetBy: "header:x-version" }] },
      "paths.0.subsetBy: only subsets of a `split` may be named: there is none",
    ],
    [
      "a field without a name",
      { paths: [{ ...all, split: half, subsetBy: "header" }] },
      "paths.0.subsetBy: must be `header:NAME` or `cookie:NAME`",
    ],
    [
      "a subset that has no node at a pattern's sites",
      {
        sites: [...sites, { id: "la1", nodes: [{ id: "la1-1", url: "http://127.0.0.1:9009" }] }],
        paths: [{ ...all, sites: ["la1"], subset: "v2" }],
      },
      'paths.0.subset: subset "v2" has no node at the sites of this pattern, la1',
    ],
    [
      "a subset that no node is of",
      { subsets: [...subsets, { id: "v3", labels: { version: "v3", disk: "fast" } }] },
      'subsets.2.labels: no node is of subset "v3": give one the labels { version: v3, disk: fast }',
    ],
    [
      "a subset twice",
      { subsets: [...subsets, subsets[0]] },
      'subsets.2.id: there is a subset "v1" before it',
    ],
    [
      "a fallback that there is not",
      { subsets: [{ ...subsets[0], fallback: "v9" }, subsets[1]] },
      'subsets.0.fallback: there is no subset "v9": say `fail`, `any`, or one of v1, v2',
    ],
    [
      "fallbacks that go round",
      { subsets: [{ ...subsets[0], fallback: "v2" }, subsets[1]] },
      'subsets.0.fallback: the fallbacks of "v1" go round: one of them must say `fail` or `any`',
    ],
    [
      "a fallback to itself",
      { subsets: [{ ...subsets[0], fallback: "v1" }] },
      'subsets.0.fallback: the fallbacks of "v1" go round: one of them must say `fail` or `any`',
    ],
    [
      "a subset by the name of a fallback",
      { subsets: [{ ...subsets[0], id: "any" }] },
      "subsets.0.id: `any` and `fail` have a meaning of their own",
    ],
    [
      "a subset of everybody",
      { subsets: [{ id: "all", labels: {} }] },
      "subsets.0.labels: needs one label at least",
    ],
    [
      "a label that is none",
      { sites: [site({ version: "v 1" })], subsets: [] },
      "sites.0.nodes.0.labels.version: a label's value is letters, digits and ._/- within, at most 64",
    ],
    [
      "a zone that is none",
      { balancer: { zone: { id: "Rack 7" } } },
      "balancer.zone.id: the zone is lower-case letters, digits and hyphens, at most 64",
    ],
  ])("%s is refused", (_what, document, expected) => {
    expect(issues({ sites, subsets, ...document })).toContainEqual(expected);
  });

  test("nothing is said of subsets whose nodes cannot be read", () => {
    const spoilt = [site({ version: "v1" }, { "": "" })];
    expect(issues({ sites: spoilt, subsets }).filter((issue) => issue.startsWith("subsets"))).toEqual([]);
  });

  test("a zone in which no node is, is a warning: the same file serves gateways of all zones", () => {
    const zoned = [site({}, {})].map((each) => ({
      ...each,
      nodes: (each as { nodes: object[] }).nodes.map((node) => ({ ...node, zone: "a" })),
    }));
    const warn = (document: object): string[] => {
      const result = parseGatewayConfig(document);
      return result.ok ? result.warnings.map(({ path, message }) => `${path}: ${message}`) : ["refused"];
    };
    const zone = { id: "b" };
    expect(warn({ sites: zoned, balancer: { zone } })).toEqual([
      'balancer.zone.id: no node is in zone "b", so that none is preferred: zones of nodes are a',
    ]);
    expect(warn({ sites, balancer: { zone } })).toEqual([
      'balancer.zone.id: no node is in zone "b", so that none is preferred: no node tells its `zone`',
    ]);
    expect(warn({ sites: zoned, balancer: { zone: { id: "a" } } })).toEqual([]);
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

test.each([
  ["a good one", {}, []],
  ["seed-000, which takes 35 s", { health: { profile: "seed-000" } }, ["health.intervalMs"]],
  ["17 s, and a longer interval", { health: { intervalMs: 9_400 } }, ["health.intervalMs"]],
  ["no pace of bodies", { limits: { bodyRateMin: 0 } }, ["limits.bodyRateMin"]],
  [
    "no pace at all",
    { limits: { bodyRateMin: 0, readRateMin: 0 } },
    ["limits.bodyRateMin", "limits.readRateMin"],
  ],
  [
    "the bare network, which checks nobody",
    { health: { profile: "seed-000" }, routing: { mode: "anycast-only" } },
    [],
  ],
])("warned of: %s", (_name, extra, paths) => {
  const result = parseGatewayConfig({ sites: SITES, ...extra });
  expect(result.ok ? result.warnings.map(({ path }) => path) : result.issues).toEqual(paths);
});

test.each(["", " nginx", "nginx ", "a\r\nb", "x".repeat(101)])("server %j is refused", (server) => {
  expect(issues({ sites: SITES, server })[0]).toContain("server: must be printable text");
});
