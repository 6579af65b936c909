/** Circuit breakers of sites, over sockets: a site left alone, tried, asked again; what clients get meanwhile. */
import { expect, test } from "vitest";
import { ask, hang, TOKEN, until, withStand, type FakeNode, type Stand } from "./stand.ts";

const FEW = { mode: "consecutive", failureThreshold: 3, timeoutMs: 60_000 };

function answering(status: number): FakeNode["handler"] {
  return (_request, response) => response.writeHead(status, { "content-length": 0 }).end();
}

async function admin({ gateway }: Stand, method: string, path: string): Promise<unknown> {
  const response = await fetch(`${gateway.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(method === "POST" ? { "content-type": "application/json" } : {}),
    },
    ...(method === "POST" ? { body: "{}" } : {}),
  });
  return response.json();
}

async function statesOf(stand: Stand): Promise<string[]> {
  const { breakers } = (await admin(stand, "GET", "/health/circuit-breakers")) as {
    breakers: { name: string; state: string }[];
  };
  return breakers.map(({ name, state }) => `${name} ${state}`);
}

test("a site that answers 503 is left alone, and the next one serves", async () => {
  const document = { breaker: FEW, retry: { statuses: [] } };
  await withStand({ sites: { ny1: 2, la1: 1 }, document }, async (stand) => {
    for (const id of ["ny1-1", "ny1-2"]) stand.node(id).handler = answering(503);
    const statuses = [];
    for (let count = 0; count < 6; count++) statuses.push((await ask(stand.port)).status);
    expect(statuses).toEqual([503, 503, 503, 200, 200, 200]);
    expect(await statesOf(stand)).toEqual(["ny1 open", "la1 closed"]);
    expect(stand.events.filter(({ kind }) => kind === "gateway.breaker")).toEqual([
      { kind: "gateway.breaker", site: "ny1", from: "closed", to: "open", reason: "3 failures in a row" },
    ]);
    const metrics = await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('anycastle_circuit_breaker_state{breaker="ny1",state="open"} 1');
    expect(metrics).toContain('anycastle_circuit_breaker_transitions_total{breaker="ny1",to="open"} 1');
  });
});

test("nobody left to ask: 503 says when to come again, at once and without asking a node", async () => {
  await withStand({ sites: { ny1: 1 }, document: { breaker: FEW } }, async (stand) => {
    stand.node("ny1-1").handler = answering(503);
    for (let count = 0; count < 3; count++) await ask(stand.port);
    const answer = await ask(stand.port);
    expect([answer.status, answer.headers["x-gateway-failure"]]).toEqual([503, "breaker-open"]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(50);
    expect(stand.node("ny1-1").seen.length).toBe(3);
    expect(stand.status().requests.active).toBe(0);
  });
});

test("when its time is over a trial closes it again", async () => {
  const breaker = { ...FEW, timeoutMs: 100 };
  await withStand({ sites: { ny1: 1 }, document: { breaker } }, async (stand) => {
    stand.node("ny1-1").handler = answering(503);
    for (let count = 0; count < 3; count++) await ask(stand.port);
    stand.node("ny1-1").handler = answering(204);
    const statuses = new Set<number>();
    while (!statuses.has(204)) statuses.add((await ask(stand.port)).status);
    expect(await statesOf(stand)).toEqual(["ny1 closed"]);
  });
});

test("attempts without an answer count too; those of clients who left do not", async () => {
  const document = { breaker: FEW, hedge: { isEnabled: false }, retry: { attemptsMax: 1 } };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    stand.node("ny1-1").handler = hang;
    for (let count = 0; count < 4; count++) {
      const controller = new AbortController();
      const asked = ask(stand.port, { signal: controller.signal });
      await until(() => stand.node("ny1-1").seen.length === count + 1);
      controller.abort();
      await expect(asked).rejects.toMatchObject({ code: "ABORT_ERR" });
    }
    await until(() => stand.status().requests.active === 0);
    expect(await statesOf(stand)).toEqual(["ny1 closed"]);
    stand.node("ny1-1").handler = (request) => request.socket.resetAndDestroy();
    for (let count = 0; count < 3; count++) await ask(stand.port);
    expect(await statesOf(stand)).toEqual(["ny1 open"]);
  });
});

test("a site whose calls hang is slow before any of them has ended", async () => {
  const breaker = { mode: "rate", slowCallDurationMs: 100, minimumCalls: 4, slowCallRateThreshold: 100 };
  const document = { breaker, hedge: { isEnabled: false } };
  await withStand({ sites: { ny1: 1, la1: 1 }, document }, async (stand) => {
    stand.node("ny1-1").handler = hang;
    const controller = new AbortController();
    const hanging = Array.from({ length: 4 }, () => ask(stand.port, { signal: controller.signal }));
    await until(() => stand.events.some((event) => event.kind === "gateway.breaker" && event.to === "open"));
    expect(stand.status().requests.active).toBe(4);
    expect((await ask(stand.port)).headers["x-edge-route"]).toBe("la1");
    controller.abort();
    for (const asked of hanging) await expect(asked).rejects.toMatchObject({ code: "ABORT_ERR" });
  });
});

test("fallback to a site outside the vantage's own, and to a page", async () => {
  const catchment = { fixed: { default: [{ site: "ny1" }] } };
  const open = async (fallback: unknown): Promise<Awaited<ReturnType<typeof ask>>> => {
    let answer: Awaited<ReturnType<typeof ask>> | undefined;
    const document = { breaker: { ...FEW, fallback }, catchment };
    await withStand({ sites: { ny1: 1, spare: 1 }, document }, async (stand) => {
      stand.node("ny1-1").handler = answering(503);
      for (let count = 0; count < 3; count++) await ask(stand.port);
      answer = await ask(stand.port);
    });
    return answer!;
  };
  const routed = await open("route_to:spare");
  expect([routed.status, routed.headers["x-edge-route"]]).toEqual([200, "spare"]);
  const page = await open({ status: 200, contentType: "text/plain", body: "back soon – at once" });
  expect([page.status, page.headers["content-type"], page.body.toString()]).toEqual([
    200,
    "text/plain",
    "back soon – at once",
  ]);
  expect(page.headers["x-gateway-failure"]).toBe("breaker-open");
});

test("an operator opens, closes and resets a breaker", async () => {
  await withStand({ sites: { ny1: 1, la1: 1 }, document: { breaker: FEW } }, async (stand) => {
    expect(await admin(stand, "POST", "/circuit-breakers/ny1/open")).toMatchObject({
      name: "ny1",
      state: "open",
    });
    expect((await ask(stand.port)).headers["x-edge-route"]).toBe("la1");
    await admin(stand, "POST", "/circuit-breakers/ny1/reset");
    expect((await ask(stand.port)).headers["x-edge-route"]).toBe("ny1");
    expect(await admin(stand, "POST", "/circuit-breakers/nowhere/open")).toMatchObject({
      error: { code: "BREAKER_UNKNOWN" },
    });
  });
});
