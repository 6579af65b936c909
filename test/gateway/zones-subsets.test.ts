/** Zones and subsets over sockets: who is asked, where a rescue goes, what the admin API says of it. */
import { Agent } from "node:http";
import { describe, expect, test } from "vitest";
import { ALGORITHMS } from "#gateway/balancer/create-balancer.ts";
import { parseGatewayConfig } from "#gateway/config.ts";
import { changesOf } from "#gateway/reload/config-changes.ts";
import {
  ask,
  hang,
  HEALTH_PATH,
  TOKEN,
  until,
  withStand,
  type Answer,
  type Ask,
  type Stand,
  type StandOptions,
} from "./stand.ts";

/** Proven by one check, and not looked at again before a test is over: what is seen is the requests' own work. */
const HEALTH = { path: HEALTH_PATH, intervalMs: 60_000, timeoutMs: 5_000, healthyThreshold: 1 };
const OWN_ZONE = { balancer: { zone: { id: "a" } } };

async function withProven(options: StandOptions, work: (stand: Stand) => Promise<void>): Promise<void> {
  await withStand({ ...options, document: { health: HEALTH, ...options.document } }, async (stand) => {
    await until(() => stand.status().nodes.every(({ health }) => health === "healthy"));
    await work(stand);
  });
}

async function metricOf({ gateway }: Stand, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

async function why<T>({ gateway }: Stand, query: string): Promise<T> {
  return (await (await fetch(`${gateway.adminUrl}/api/v1/why${query}`)).json()) as T;
}

async function put({ gateway }: Stand, path: string, body: object): Promise<number> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
  const answer = await fetch(`${gateway.adminUrl}${path}`, {
    method: "PUT",
    headers,
    body: JSON.stringify(body),
  });
  return answer.status;
}

/** How many of so many requests each node answered. */
async function counts(
  { port }: Stand,
  requests: number,
  how: (count: number) => Ask = () => ({}),
): Promise<Record<string, number>> {
  const answered: Record<string, number> = {};
  for (let count = 0; count < requests; count++) {
    const { headers, status } = await ask(port, how(count));
    const who = status === 200 ? String(headers["x-edge-node"]) : String(status);
    answered[who] = (answered[who] ?? 0) + 1;
  }
  return answered;
}

describe("zones", () => {
  const places = {
    "ny1-1": { zone: "a" },
    "ny1-2": { zone: "a" },
    "ny1-3": { zone: "b" },
    "ny1-4": { zone: "b" },
  };

  test("the own zone, then what it cannot carry to others, then all of it; nothing is lost", async () => {
    await withProven({ sites: { ny1: 4 }, places, document: OWN_ZONE }, async (stand) => {
      expect(await counts(stand, 40)).toEqual({ "ny1-1": 20, "ny1-2": 20 });
      expect(await metricOf(stand, 'anycastle_zone_crossed_total{zone="b"}')).toBeUndefined();
      const before = await why<Why>(stand, "");
      expect(before.sites[0]!.ownZonePercent).toBe(100);
      expect(before.candidates.map(({ node, reason, zone }) => `${node} ${zone}: ${reason}`)).toEqual([
        "ny1-1 a: may be asked",
        "ny1-2 a: may be asked",
        "ny1-3 b: other-zone",
        "ny1-4 b: other-zone",
      ]);
      await stand.node("ny1-1").kill();
      // The one that finds it dead is rescued in the other zone, although the own one has a node left.
      const rescued = await until200(stand, () => stand.status().requests.rescued === 1);
      expect(["ny1-3", "ny1-4"]).toContain(rescued.headers["x-edge-node"]);
      const after = await counts(stand, 200);
      expect(after["ny1-1"]).toBeUndefined();
      // 70 % stay; five standard deviations either way.
      expect(Math.abs(after["ny1-2"]! - 140)).toBeLessThan(33);
      expect((await why<Why>(stand, "")).sites[0]!.ownZonePercent).toBe(70);
      const crossed = after["ny1-3"]! + after["ny1-4"]! + 1;
      expect(await metricOf(stand, 'anycastle_zone_crossed_total{zone="b"}')).toBe(crossed);
      await stand.node("ny1-2").kill();
      expect(await counts(stand, 20)).toEqual({ "ny1-3": 10, "ny1-4": 10 });
      expect(stand.status().requests.failed).toBe(0);
    });
  });

  test.each(ALGORITHMS)(
    "%s: a zone that dies under load fails no GET, and no attempt is left",
    async (algorithm) => {
      const document = { balancer: { ...OWN_ZONE.balancer, algorithm } };
      await withProven({ sites: { ny1: 4 }, places, document }, async ({ node, port, status }) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 8 });
        const statuses: number[] = [];
        const pump = async (): Promise<void> => {
          for (let count = 0; count < 25; count++) statuses.push((await ask(port, { agent })).status);
        };
        const pumps = Array.from({ length: 8 }, () => pump());
        await until(() => statuses.length > 60);
        await Promise.all([node("ny1-1").kill(), node("ny1-2").kill()]);
        await Promise.all(pumps);
        agent.destroy();
        expect([statuses.length, statuses.filter((code) => code !== 200)]).toEqual([200, []]);
        expect(status().nodes.every(({ active }) => active === 0)).toBe(true);
      });
    },
  );

  test("a hedge goes to another zone, with or without a zone of the gateway's own", async () => {
    for (const balancer of [
      { algorithm: "round_robin" },
      { algorithm: "round_robin", ...OWN_ZONE.balancer },
    ]) {
      const hedge = { initialDelayMs: 20, floorMs: 10 };
      const document = { balancer, hedge };
      const rack = { ...places, "ny1-3": { zone: "a" } };
      await withProven({ sites: { ny1: 4 }, places: rack, document }, async (stand) => {
        for (const id of ["ny1-1", "ny1-2", "ny1-3"]) stand.node(id).handler = hang;
        const { headers, status } = await ask(stand.port);
        expect([status, headers["x-edge-node"], stand.status().requests.hedges]).toEqual([200, "ny1-4", 1]);
      });
    }
  });

  test("status and the table for people say where nodes are and what they are", async () => {
    const labelled = { "ny1-1": { zone: "a", labels: { version: "v1", disk: "ssd" } } };
    await withProven({ sites: { ny1: 2 }, places: labelled }, async ({ gateway, status }) => {
      expect(status().nodes.map(({ labels, zone }) => ({ labels, zone }))).toEqual([
        { labels: { version: "v1", disk: "ssd" }, zone: "a" },
        { labels: {}, zone: null },
      ]);
      expect(await (await fetch(`${gateway.adminUrl}/stats`)).text()).toContain(
        "<td>version=v1 disk=ssd</td>",
      );
    });
  });
});

interface Why {
  readonly subset: string | null;
  readonly split: readonly { readonly subset: string; readonly percent: number }[];
  readonly sites: readonly { readonly ownZonePercent: number | null }[];
  readonly candidates: readonly {
    readonly node: string;
    readonly zone: string | null;
    readonly reason: string;
  }[];
}

/** Asks until it holds; every answer is one. */
async function until200({ port }: Stand, holds: () => boolean): Promise<Answer> {
  for (;;) {
    const answer = await ask(port);
    expect(answer.status).toBe(200);
    if (holds()) return answer;
  }
}

describe("subsets", () => {
  const v1 = { version: "v1" };
  const v2 = { version: "v2" };
  /** v1 v1 v2 | v1 v2 */
  const places = {
    "ny1-1": { labels: v1 },
    "ny1-2": { labels: v1 },
    "ny1-3": { labels: v2 },
    "la1-1": { labels: v1 },
    "la1-2": { labels: v2 },
  };
  const sites = { ny1: 3, la1: 2 };

  function withSubsets(more: object, fallback: string, work: (stand: Stand) => Promise<void>): Promise<void> {
    const subsets = [
      { id: "v1", labels: v1 },
      { id: "v2", labels: v2, fallback },
    ];
    return withProven({ sites, places, document: { subsets, ...more } }, work);
  }

  const onlyV2 = { paths: [{ id: "new", match: ["/new/**"], subset: "v2" }] };
  const news = (): Ask => ({ path: "/new/a" });

  test("a path's requests are given to its subset alone, here, then at the next site, then to nobody", async () => {
    await withSubsets(onlyV2, "fail", async (stand) => {
      expect(await counts(stand, 10, news)).toEqual({ "ny1-3": 10 });
      await stand.node("ny1-3").kill();
      expect(await counts(stand, 10, news)).toEqual({ "la1-2": 10 });
      await stand.node("la1-2").kill();
      const failed = await ask(stand.port, news());
      expect([failed.status, failed.headers["x-gateway-failure"]]).toEqual([
        502,
        "A; cause=refused; subset=v2",
      ]);
      for (const node of ["ny1-3", "la1-2"]) await put(stand, `/nodes/${node}/weight`, { weight: 0 });
      const nobody = await ask(stand.port, news());
      expect([nobody.status, nobody.headers["x-gateway-failure"]]).toEqual([503, "no-node; subset=v2"]);
      for (const node of ["ny1-1", "ny1-2", "la1-1"]) expect(stand.node(node).seen).toEqual([]);
      expect((await ask(stand.port)).status).toBe(200);
    });
  });

  test.each([
    ["v1", ["ny1-1", "ny1-2"]],
    ["any", ["ny1-1", "ny1-2"]],
  ])("with the fallback %s nobody is lost, and it is counted", async (fallback, others) => {
    await withSubsets(onlyV2, fallback, async (stand) => {
      await stand.node("ny1-3").kill();
      await stand.node("la1-2").kill();
      const answered = await counts(stand, 20, news);
      expect(Object.keys(answered).toSorted()).toEqual(others);
      expect(await metricOf(stand, 'anycastle_subset_fallbacks_total{subset="v2"}')).toBe(20);
      const { candidates, subset } = await why<Why>(stand, "?path=/new/a");
      expect(subset).toBe("v2");
      expect(Object.fromEntries(candidates.map(({ node, reason }) => [node, reason]))).toMatchObject({
        "ny1-1": "fallback",
        "ny1-3": "out",
      });
    });
  });

  const canary = (percent: number, more: object = {}): object => ({
    paths: [
      {
        id: "all",
        match: ["/**"],
        split: [
          { subset: "v2", percent },
          { subset: "v1", percent: 100 - percent },
        ],
        splitBy: "header:x-user",
        subsetBy: "header:x-version",
        ...more,
      },
    ],
  });
  const users = (count: number): Ask => ({ headers: { "x-user": `user-${count % 100}` } });

  test("a split sends each client to its side, again and again; who names a subset goes there", async () => {
    const sidesOf = async (percent: number): Promise<string[]> => {
      const sides: string[] = [];
      await withSubsets(canary(percent), "fail", async (stand) => {
        for (let count = 0; count < 300; count++) {
          const node = String((await ask(stand.port, users(count))).headers["x-edge-node"]);
          sides.push(node === "ny1-3" ? "v2" : "v1");
        }
        for (const [version, node] of [
          ["v2", "ny1-3"],
          ["v1", /^ny1-[12]$/],
          ["v9", /^ny1-/],
        ] as const) {
          const { headers } = await ask(stand.port, { headers: { "x-version": version } });
          expect(headers["x-edge-node"]).toMatch(node);
        }
        expect(await why<Why>(stand, "?path=/&client=192.0.2.1")).toMatchObject({
          split: [
            { subset: "v2", percent },
            { subset: "v1", percent: 100 - percent },
          ],
        });
        const named = await why<Why>(stand, "?path=/&subset=v2");
        expect(named.candidates.find(({ node }) => node === "ny1-1")!.reason).toBe("not-in-subset");
        const unknown = await fetch(`${stand.gateway.adminUrl}/api/v1/why?path=/&subset=v9`);
        expect([unknown.status, JSON.stringify(await unknown.json())]).toEqual([
          400,
          expect.stringContaining("SUBSET_UNKNOWN"),
        ]);
      });
      expect(sides.slice(100, 200)).toEqual(sides.slice(0, 100));
      expect(sides.slice(200)).toEqual(sides.slice(0, 100));
      return sides.slice(0, 100);
    };
    const [none, some, more] = [await sidesOf(0), await sidesOf(20), await sidesOf(60)];
    const inV2 = (sides: readonly string[]): number[] =>
      [...sides.keys()].filter((user) => sides[user] === "v2");
    expect(inV2(none)).toEqual([]);
    expect(inV2(some).length).toBeGreaterThan(5);
    expect(inV2(more).length).toBeGreaterThan(inV2(some).length);
    expect(inV2(some).filter((user) => !inV2(more).includes(user))).toEqual([]);
  });

  test("a retry stays in the subset, and so does a sticky session", async () => {
    const document = { ...canary(0), sticky: { enabled: true } };
    await withSubsets(document, "fail", async (stand) => {
      const first = await ask(stand.port);
      const cookie = first.headers["set-cookie"]![0]!.split(";")[0]!;
      expect(first.headers["x-edge-node"]).toMatch(/^ny1-[12]$/);
      const moved = await ask(stand.port, { headers: { cookie, "x-version": "v2" } });
      expect([moved.headers["x-edge-node"], moved.headers["set-cookie"]?.length]).toEqual(["ny1-3", 1]);
      stand.node("ny1-1").handler = (_request, response) => response.writeHead(503).end();
      stand.node("ny1-2").handler = (_request, response) => response.writeHead(503).end();
      const { headers, status } = await ask(stand.port, { headers: { "x-version": "v1" } });
      expect([status, headers["x-edge-node"]]).toEqual([200, "la1-1"]);
    });
  });

  test("the cache keeps answers of each subset apart, and forgets them together", async () => {
    await withSubsets({ ...canary(0), cache: {} }, "fail", async (stand) => {
      for (const node of stand.nodes) {
        node.handler = (_request, response) => {
          response.writeHead(200, { "cache-control": "max-age=60" }).end(node.id);
        };
      }
      const get = async (version: string): Promise<string> => {
        const { body, headers } = await ask(stand.port, { headers: { "x-version": version } });
        return `${body.toString().slice(0, 4)}${body.toString() === "ny1-3" ? "v2" : "v1"} ${String(headers["cache-status"])}`;
      };
      expect(await get("v1")).toBe("ny1-v1 anycastle; fwd=uri-miss");
      expect(await get("v2")).toBe("ny1-v2 anycastle; fwd=uri-miss");
      expect([await get("v1"), await get("v2")]).toEqual(["ny1-v1 anycastle; hit", "ny1-v2 anycastle; hit"]);
      await ask(stand.port, { method: "POST", headers: { "x-version": "v1", "content-length": "0" } });
      expect(await get("v2")).toBe("ny1-v2 anycastle; fwd=uri-miss");
    });
  });

  test("a reload moves a node from one subset to the other, and says so", async () => {
    await withSubsets(onlyV2, "fail", async (stand) => {
      const parsed = parseGatewayConfig({
        listen: "127.0.0.1:0",
        admin: "127.0.0.1:0",
        health: { profile: "seed-001" },
        subsets: [
          { id: "v1", labels: v1 },
          { id: "v2", labels: v2, fallback: "v1" },
        ],
        paths: [
          {
            id: "new",
            match: ["/new/**"],
            split: [
              { subset: "v2", percent: 10 },
              { subset: "v1", percent: 90 },
            ],
          },
        ],
        balancer: { zone: { id: "a" } },
        sites: stand.config.sites.map(({ id, nodes }) => ({
          id,
          nodes: nodes.map(({ id: node, url, labels }) => ({
            id: node,
            url,
            ...(node === "ny1-1" ? { labels: v2, zone: "a" } : { labels }),
          })),
        })),
      });
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
      const changes = changesOf(stand.config, parsed.config);
      const told = changes.map(({ path, before, after }) => `${path}: ${before} -> ${after}`);
      expect(told).toContain('sites.ny1.nodes.ny1-1.labels.version: "v1" -> "v2"');
      expect(told).toContain('sites.ny1.nodes.ny1-1.zone: undefined -> "a"');
      expect(told).toContain('subsets.v2.fallback: "fail" -> "v1"');
      expect(told).toContain("paths.patterns.new.subset.split.v2.share: 10000 -> 1000");
      expect(told).toContain('balancer.zone: undefined -> {"id":"a","factorPercent":140,"nodesMin":1}');
      const held = stand.gateway.reload({ ...parsed.config, paths: stand.config.paths });
      expect(held.isApplied).toBe(true);
      expect(await counts(stand, 10, news)).toEqual({ "ny1-1": 10 });
    });
  });
});
