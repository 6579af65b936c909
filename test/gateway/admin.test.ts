/** The admin API: what anybody may read, what only the holder of the token may change, and what a page may not do. */
import { expect, test } from "vitest";
import { statsPage } from "#gateway/admin/stats-page.ts";
import { ask, TOKEN, until, withStand, type Answer, type Stand } from "./stand.ts";

const JSON_TYPE = { "content-type": "application/json" };
const ALLOWED = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}` };

function admin({ gateway }: Stand): number {
  return Number(new URL(gateway.adminUrl!).port);
}

function call(
  stand: Stand,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = "{}",
): Promise<Answer> {
  const hasBody = method !== "GET";
  return ask(admin(stand), {
    method,
    path,
    headers: hasBody ? { ...headers, "content-length": String(body.length) } : headers,
    ...(hasBody ? { body } : {}),
  });
}

function codeOf(answer: Answer): unknown {
  return (JSON.parse(answer.body.toString()) as { error: { code: string } }).error.code;
}

test("GET / lists what there is, and everything it lists answers", async () => {
  await withStand({}, async (stand) => {
    const { paths } = JSON.parse((await call(stand, "GET", "/", {})).body.toString()) as { paths: string[] };
    for (const line of paths.filter((path) => path.startsWith("GET "))) {
      expect((await call(stand, "GET", line.slice(4), {})).status).toBe(200);
    }
    for (const line of paths.filter((path) => !path.startsWith("GET "))) {
      const [method = "", path = ""] = line.split(" ");
      expect((await call(stand, method, path, JSON_TYPE)).status).toBe(401);
    }
  });
});

test("the status is the document of the contract", async () => {
  await withStand({ sites: { ny1: 2, la1: 1 } }, async (stand) => {
    await ask(stand.port);
    const status: unknown = JSON.parse((await call(stand, "GET", "/status", {})).body.toString());
    expect(status).toMatchObject({
      schema: "anycastle.gateway-status/v1",
      mode: "nearest",
      profile: "seed-001",
      feed: "none",
      isDraining: false,
      requests: { total: 1, active: 0, failed: 0 },
    });
    expect((status as { nodes: unknown[] }).nodes.length).toBe(3);
  });
});

test("changes are refused without the token, with a wrong one, from a foreign page, under a foreign name", async () => {
  await withStand({}, async (stand) => {
    const drain = (headers: Record<string, string>): Promise<Answer> =>
      call(stand, "POST", "/nodes/ny1-1/drain", headers);
    expect([401, "TOKEN_REFUSED"]).toEqual(await statusAndCode(drain(JSON_TYPE)));
    expect([401, "TOKEN_REFUSED"]).toEqual(
      await statusAndCode(drain({ ...JSON_TYPE, authorization: "Bearer wrong" })),
    );
    expect([403, "ORIGIN_REFUSED"]).toEqual(
      await statusAndCode(drain({ ...ALLOWED, origin: "http://evil.example" })),
    );
    expect([421, "HOST_REFUSED"]).toEqual(
      await statusAndCode(drain({ ...ALLOWED, host: "evil.example:80" })),
    );
    expect([415, "TYPE_REFUSED"]).toEqual(
      await statusAndCode(drain({ ...ALLOWED, "content-type": "text/plain" })),
    );
    // A page may not read either, when its name was bound to this address.
    expect([421, "HOST_REFUSED"]).toEqual(
      await statusAndCode(call(stand, "GET", "/status", { host: "evil.example" })),
    );
    expect(stand.status().nodes.some(({ health }) => health === "draining")).toBe(false);
  });
});

async function statusAndCode(asked: Promise<Answer>): Promise<[number, unknown]> {
  const answer = await asked;
  return [answer.status, codeOf(answer)];
}

test("GET changes nothing, with the token too", async () => {
  await withStand({}, async (stand) => {
    for (const path of ["/nodes/ny1-1/drain", "/sites/ny1/drain", "/drain", "/nodes/ny1-1/weight"]) {
      expect((await call(stand, "GET", path, ALLOWED)).status).toBe(404);
    }
    expect(stand.status().isDraining).toBe(false);
    expect(stand.status().nodes.every(({ health, weight }) => health !== "draining" && weight === 100)).toBe(
      true,
    );
  });
});

test("a drained node gets no new requests, one that is under way ends well, undrain brings it back", async () => {
  await withStand({}, async (stand) => {
    const { nodes, node, port } = stand;
    let release = (): void => undefined;
    node("ny1-1").handler = (_request, response) => {
      release = () => node("ny1-1").answer(response);
    };
    const open = ask(port);
    await until(() => node("ny1-1").seen.length === 1);
    expect((await call(stand, "POST", "/nodes/ny1-1/drain", ALLOWED)).status).toBe(200);
    for (let count = 0; count < 4; count++) await ask(port);
    release();
    expect((await open).status).toBe(200);
    expect(nodes.map(({ seen }) => seen.length)).toEqual([1, 4]);
    expect(stand.status().nodes[0]!.health).toBe("draining");
    expect((await call(stand, "POST", "/nodes/ny1-1/undrain", ALLOWED)).status).toBe(200);
    expect(stand.status().nodes[0]!.health).not.toBe("draining");
  });
});

test("a drained site hands its requests to the next one", async () => {
  await withStand({ sites: { ny1: 2, la1: 1 } }, async (stand) => {
    await call(stand, "POST", "/sites/ny1/drain", ALLOWED);
    for (let count = 0; count < 3; count++) {
      expect((await ask(stand.port)).headers["x-edge-route"]).toBe("la1");
    }
    await call(stand, "POST", "/sites/ny1/undrain", ALLOWED);
    expect((await ask(stand.port)).headers["x-edge-route"]).toBe("ny1");
    expect(stand.status().requests).toMatchObject({ failed: 0, rescued: 0 });
  });
});

test("a weight holds at once; one out of range is refused and changes nothing", async () => {
  await withStand({}, async (stand) => {
    const put = (body: string): Promise<Answer> => call(stand, "PUT", "/nodes/ny1-1/weight", ALLOWED, body);
    expect((await put('{"weight":0}')).status).toBe(200);
    for (let count = 0; count < 4; count++) await ask(stand.port);
    expect(stand.nodes.map(({ seen }) => seen.length)).toEqual([0, 4]);
    for (const bad of [
      '{"weight":-1}',
      '{"weight":1.5}',
      '{"weight":"1"}',
      '{"weight":10001}',
      "{}",
      "[]",
      "null",
    ]) {
      expect((await put(bad)).status).toBe(400);
    }
    expect((await put("{")).status).toBe(400);
    expect(stand.status().nodes[0]!.weight).toBe(0);
  });
});

test("an unknown node or site is named, and the known ones are listed", async () => {
  await withStand({}, async (stand) => {
    const answer = await call(stand, "POST", "/nodes/ny9-1/drain", ALLOWED);
    expect([answer.status, codeOf(answer)]).toEqual([400, "NODE_UNKNOWN"]);
    expect(answer.body.toString()).toContain("ny1-1, ny1-2");
    expect(codeOf(await call(stand, "POST", "/sites/xx/drain", ALLOWED))).toBe("SITE_UNKNOWN");
  });
});

test("a whole drain: not ready, alive, still serving, and saying close", async () => {
  await withStand({}, async (stand) => {
    expect((await call(stand, "GET", "/ready", {})).status).toBe(200);
    expect((await call(stand, "POST", "/drain", ALLOWED)).status).toBe(200);
    for (const path of ["/health", "/health/ready", "/ready"]) {
      expect((await call(stand, "GET", path, {})).status).toBe(503);
    }
    expect((await call(stand, "GET", "/health/live", {})).status).toBe(200);
    const answer = await ask(stand.port, { headers: { connection: "keep-alive" } });
    expect([answer.status, answer.headers.connection]).toEqual([200, "close"]);
  });
});

test("not ready while no node may take a request", async () => {
  await withStand({ document: { health: { profile: "demo", path: "/health/ready" } } }, async (stand) => {
    for (const node of stand.nodes) node.healthStatus = 500;
    await until(() => stand.status().nodes.every(({ health }) => health === "unhealthy"));
    expect((await call(stand, "GET", "/ready", {})).status).toBe(503);
  });
});

test("metrics are Prometheus text, and count what happened", async () => {
  await withStand({ sites: { ny1: 1, la1: 1 } }, async (stand) => {
    await stand.node("ny1-1").kill();
    await ask(stand.port);
    await ask(stand.port);
    const answer = await call(stand, "GET", "/metrics", {});
    expect(answer.headers["content-type"]).toContain("text/plain");
    const samples = new Map<string, number>();
    for (const line of answer.body.toString().split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const match =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(
          line,
        );
      expect(match).not.toBe(null);
      // Of a lag nobody has measured yet, prom-client says `Nan`; Prometheus reads it in any letter case.
      expect(match![2]).toMatch(/^(?:nan|[+-]inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$/i);
      samples.set(match![1]!, Number(match![2]));
    }
    expect(samples.get('anycastle_requests_total{route="la1",node="la1-1",outcome="rescued"}')).toBe(1);
    expect(samples.get('anycastle_requests_total{route="la1",node="la1-1",outcome="ok"}')).toBe(1);
    expect(samples.get('anycastle_retries_total{reason="A"}')).toBe(1);
    expect(samples.get('anycastle_node_up{node="ny1-1"}')).toBe(0);
    const taken =
      'http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200"}';
    expect(samples.get(taken)).toBe(2);
    expect(samples.get("http_server_active_requests")).toBe(0);
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
    expect(samples.get("process_cpu_seconds_total")).toBeGreaterThan(0);
    // The second one never tried ny1: no node of it was eligible.
    expect(samples.get('anycastle_failovers_total{from="ny1",to="la1",reason="A"}')).toBe(1);
    expect(samples.get('anycastle_failovers_total{from="ny1",to="la1",reason="unavailable"}')).toBe(1);
  });
});

test("the listener for clients has no admin path", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    await ask(port, { path: "/status" });
    await ask(port, { method: "POST", path: "/drain", headers: ALLOWED, body: "{}" });
    expect(node("ny1-1").seen.map(({ url }) => url)).toEqual(["/status", "/drain"]);
  });
});

test.each(["nodes", "connections"])(
  "PUT /api/v1/%s/ID/disable takes a node out, /enable brings it back",
  async (what) => {
    await withStand({}, async (stand) => {
      await ask(stand.port);
      expect((await call(stand, "PUT", `/api/v1/${what}/ny1-1/disable`, ALLOWED)).status).toBe(200);
      expect(stand.status().nodes[0]!.health).toBe("draining");
      for (let count = 0; count < 4; count++) {
        expect((await ask(stand.port)).headers["x-edge-node"]).toBe("ny1-2");
      }
      expect((await call(stand, "PUT", `/api/v1/${what}/ny1-1/enable`, ALLOWED)).status).toBe(200);
      expect(stand.status().nodes[0]!.health).not.toBe("draining");
      expect(await statusAndCode(call(stand, "PUT", `/api/v1/${what}/ny9/disable`, ALLOWED))).toEqual([
        400,
        "NODE_UNKNOWN",
      ]);
    });
  },
);

interface Why {
  readonly vantage: string;
  readonly sites: readonly { readonly site: string; readonly rttMs: number; readonly algorithm: string }[];
  readonly candidates: readonly {
    readonly node: string;
    readonly isCandidate: boolean;
    readonly reason: string;
    readonly cost: number | null;
  }[];
}

test("why this node: candidates in order, and what speaks against each other one", async () => {
  const document = {
    routing: { vantages: ["paris", "rome"] },
    catchment: {
      fixed: {
        paris: [
          { site: "la1", rttMs: 5 },
          { site: "ny1", rttMs: 9 },
        ],
        rome: [{ site: "ny1" }],
      },
    },
    breaker: { mode: "consecutive" },
  };
  await withStand({ sites: { ny1: 3, la1: 1 }, document }, async (stand) => {
    await call(stand, "PUT", "/nodes/ny1-1/weight", ALLOWED, '{"weight":0}');
    await call(stand, "POST", "/nodes/ny1-2/drain", ALLOWED);
    const why = async (query: string): Promise<Why> =>
      JSON.parse((await call(stand, "GET", `/api/v1/why${query}`, {})).body.toString()) as Why;
    const paris = await why("");
    expect(paris.sites).toEqual([
      { site: "la1", rttMs: 5, algorithm: "least_connections", ownZonePercent: null },
      { site: "ny1", rttMs: 9, algorithm: "least_connections", ownZonePercent: null },
    ]);
    expect(paris.candidates.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
      "la1-1: may be asked",
      "ny1-3: may be asked",
      "ny1-2: last-resort",
      "ny1-1: weight-0",
    ]);
    const first = (await ask(stand.port)).headers["x-edge-node"];
    expect(first).toBe(paris.candidates[0]!.node);
    await stand.node("ny1-3").kill();
    await ask(stand.port, { headers: { host: "rome.localhost" } });
    await call(stand, "POST", "/circuit-breakers/la1/open", ALLOWED);
    expect((await why("?vantage=paris")).candidates.map(({ reason }) => reason)).toEqual([
      "breaker-open",
      "last-resort",
      "out",
      "weight-0",
    ]);
    expect((await why("?vantage=rome")).candidates.map(({ node }) => node)).toEqual([
      "ny1-2",
      "ny1-3",
      "ny1-1",
    ]);
    const unknown = await call(stand, "GET", "/api/v1/why?vantage=oslo", {});
    expect([unknown.status, codeOf(unknown)]).toEqual([400, "VANTAGE_UNKNOWN"]);
  });
});

test("why this node: within a site by cost, which says who is next", async () => {
  await withStand({ sites: { ny1: 3 } }, async (stand) => {
    const why = async (): Promise<string[]> => {
      const { candidates } = JSON.parse((await call(stand, "GET", "/api/v1/why", {})).body.toString()) as Why;
      return candidates.map(({ node, cost }) => `${node} ${cost}`);
    };
    await call(stand, "PUT", "/nodes/ny1-2/weight", ALLOWED, '{"weight":400}');
    expect(await why()).toEqual(["ny1-2 0.0025", "ny1-1 0.01", "ny1-3 0.01"]);
    const held: (() => void)[] = [];
    const busy = stand.node("ny1-2");
    busy.handler = (_request, response) => void held.push(() => busy.answer(response));
    const open = Array.from({ length: 3 }, () => ask(stand.port));
    await until(() => held.length === 3);
    expect(await why()).toEqual(["ny1-1 0.01", "ny1-2 0.01", "ny1-3 0.01"]);
    const fourth = await ask(stand.port);
    expect(fourth.headers["x-edge-node"]).toBe("ny1-1");
    for (const finish of held) finish();
    await Promise.all(open);
  });
});

test("/stats is a page that needs no script, and every name on it is text", async () => {
  await withStand({}, async (stand) => {
    await ask(stand.port);
    const answer = await call(stand, "GET", "/stats", {});
    expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
    const page = answer.body.toString();
    expect(page).toContain('<th scope="row">ny1-1</th>');
    expect(page).not.toMatch(/<script|\son\w+=|https?:\/\/(?!127\.0\.0\.1)/);
  });
  const evil = '"><script>alert(1)</script>&';
  const page = statsPage({
    schema: "anycastle.gateway-status/v1",
    version: evil,
    mode: "nearest",
    profile: evil,
    feed: "none",
    isDraining: false,
    nodes: [
      {
        node: evil,
        site: evil,
        url: evil,
        zone: evil,
        labels: { [evil]: evil },
        health: "healthy",
        weight: 1,
        active: 0,
        attempts: 0,
        failures: 0,
        lastCheck: evil,
      },
    ],
    requests: {
      total: 0,
      active: 0,
      failed: 0,
      rescued: 0,
      retries: 0,
      hedges: 0,
      hedgesWon: 0,
      resumes: 0,
      resets: 0,
    },
    retryBudgetRatio: 1,
    admission: null,
  });
  expect(page).not.toContain("<script");
});

test("/health: a level for each site, and one word for all of it", async () => {
  const document = { health: { profile: "demo", path: "/health/ready" } };
  await withStand({ sites: { ny1: 2, la1: 1 }, document }, async (stand) => {
    const health = async (): Promise<{
      status: string;
      components: { name: string; status: string }[];
      uptime: string;
    }> => JSON.parse((await call(stand, "GET", "/health", {})).body.toString());
    await until(() => stand.status().nodes.every((node) => node.health === "healthy"));
    expect(await health()).toMatchObject({
      status: "healthy",
      components: [
        { name: "site ny1", status: "healthy" },
        { name: "site la1", status: "healthy" },
      ],
      uptime: expect.stringMatching(/^\d+h\d+m\d+s$/) as string,
    });
    await stand.node("ny1-1").kill();
    await until(() => stand.status().nodes[0]!.health !== "healthy");
    // Half of the threshold's 0.8 is 0.625 of it: below seven tenths, above three.
    expect(await health()).toMatchObject({ status: "degraded", components: [{ status: "unhealthy" }, {}] });
    await stand.node("ny1-2").kill();
    await until(() => stand.status().nodes[1]!.health !== "healthy");
    expect(await health()).toMatchObject({ status: "degraded", components: [{ status: "critical" }, {}] });
    await stand.node("la1-1").kill();
    await until(() => stand.status().nodes[2]!.health !== "healthy");
    const answer = await call(stand, "GET", "/health", {});
    expect([answer.status, (JSON.parse(answer.body.toString()) as { status: string }).status]).toEqual([
      503,
      "critical",
    ]);
  });
});

test("/api/v1/health/cluster: one word and two numbers; who is drained counts as neither", async () => {
  await withStand({ sites: { ny1: 2, la1: 2 }, document: { health: { profile: "demo" } } }, async (stand) => {
    const cluster = async (): Promise<unknown> => {
      const { status, body } = await call(stand, "GET", "/api/v1/health/cluster", {});
      return [status, JSON.parse(body.toString())];
    };
    const told = (overall_health: string, healthy_nodes: number, failed_nodes: number): unknown => [
      200,
      { overall_health, healthy_nodes, failed_nodes, last_updated: expect.stringMatching(/T.*Z$/) as string },
    ];
    await until(() => stand.status().nodes.every((node) => node.health === "healthy"));
    expect(await cluster()).toEqual(told("healthy", 4, 0));
    await stand.node("ny1-1").kill();
    await until(() => stand.status().nodes[0]!.health === "unhealthy");
    expect(await cluster()).toEqual(told("degraded", 3, 1));
    await call(stand, "POST", "/nodes/ny1-2/drain", ALLOWED);
    expect(await cluster()).toEqual(told("degraded", 2, 1));
    for (const name of ["la1-1", "la1-2"]) await stand.node(name).kill();
    await until(() => stand.status().nodes.filter((node) => node.health === "unhealthy").length === 3);
    expect(await cluster()).toEqual(told("critical", 0, 3));
  });
});
