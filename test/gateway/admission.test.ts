/** What is turned away before a node is asked, over sockets. */
import { Agent } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { ask, TOKEN, until, withStand, type Stand } from "./stand.ts";

function seenBy({ nodes }: Stand): number {
  return nodes.reduce((sum, { seen }) => sum + seen.length, 0);
}

async function refused({ gateway }: Stand, reason: string): Promise<number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return Number(
    new RegExp(`^anycastle_admission_refused_total\\{reason="${reason}"\\} (\\d+)$`, "m").exec(text)?.[1],
  );
}

test("above the rate: 429 that says when to come again, and no node is asked", async () => {
  const admission = { rateLimit: { requestsPerSecond: 0.1, burst: 2 } };
  await withStand({ document: { admission } }, async (stand) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers = [];
    for (let count = 0; count < 4; count++) answers.push(await ask(stand.port, { agent }));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    const { headers, body } = answers[2]!;
    expect(headers).toMatchObject({
      "x-gateway-failure": "rate-limited; limit=rate",
      "ratelimit-policy": '"default";q=2;w=20',
      "cache-control": "no-store",
    });
    expect([Number(headers["retry-after"]) > 5, headers["ratelimit"]]).toEqual([
      true,
      `"default";r=0;t=${headers["retry-after"]}`,
    ]);
    expect(body.toString()).toBe("429 too many requests\n");
    expect([seenBy(stand), await refused(stand, "rate"), stand.status().requests.active]).toEqual([2, 2, 0]);
    agent.destroy();
  });
});

test("a limit for each client is not of all together", async () => {
  const admission = { rateLimitPerClient: { requestsPerSecond: 0.1, burst: 1 } };
  await withStand({ document: { admission } }, async ({ port }) => {
    expect((await ask(port)).status).toBe(200);
    const second = await ask(port);
    expect([second.status, second.headers["x-gateway-failure"]]).toEqual([
      429,
      "rate-limited; limit=client-rate",
    ]);
  });
});

test("the limits of a running gateway are read and changed, until the file counts again", async () => {
  await withStand({}, async (stand) => {
    const url = `${stand.gateway.adminUrl}/api/v1/rate-limit`;
    const put = (body: unknown): Promise<Response> =>
      fetch(url, {
        method: "PUT",
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    expect(await (await fetch(url)).json()).toEqual({ all: null, perClient: null });
    expect(await (await put({ all: { requestsPerSecond: 0.1, burst: 1 } })).json()).toEqual({
      all: { requestsPerSecond: 0.1, burst: 1 },
      perClient: null,
    });
    expect([(await ask(stand.port)).status, (await ask(stand.port)).status]).toEqual([200, 429]);
    const wrong = await put({ all: { requestsPerSecond: -1 } });
    expect([wrong.status, ((await wrong.json()) as { error: { code: string } }).error.code]).toEqual([
      400,
      "RATE_LIMIT_INVALID",
    ]);
    await put({ all: { requestsPerSecond: 0 } });
    expect((await ask(stand.port)).status).toBe(200);
  });
});

test("more than may be under way wait for their turn; more than may wait, or too long, get 503", async () => {
  const admission = { activeMax: 2, waitingMax: 1, waitTimeoutMs: 60_000 };
  await withStand({ document: { admission } }, async (stand) => {
    const finish: (() => void)[] = [];
    for (const node of stand.nodes) {
      node.handler = (_request, response) => void finish.push(() => node.answer(response));
    }
    const first = [ask(stand.port), ask(stand.port)];
    await until(() => finish.length === 2);
    const waiting = ask(stand.port);
    // Only one of the two that come now may wait, whichever comes first.
    const last = ask(stand.port);
    const full = await Promise.race([waiting, last]);
    expect([full.status, full.headers["x-gateway-failure"], full.headers["retry-after"]]).toEqual([
      503,
      "overloaded",
      "1",
    ]);
    expect(seenBy(stand)).toBe(2);
    finish[0]!();
    await until(() => finish.length === 3);
    for (const answer of finish.slice(1)) answer();
    const statuses = (await Promise.all([...first, waiting, last])).map(({ status }) => status);
    expect(statuses.toSorted((x, y) => x - y)).toEqual([200, 200, 200, 503]);
    expect([stand.status().requests.active, await refused(stand, "overload")]).toEqual([0, 1]);
  });
});

test("who has waited too long gets 503, and who leaves the line is not missed", async () => {
  const admission = { activeMax: 1, waitingMax: 5, waitTimeoutMs: 100 };
  await withStand(
    { sites: { ny1: 1 }, document: { admission, hedge: { isEnabled: false } } },
    async (stand) => {
      const finish: (() => void)[] = [];
      const [node] = stand.nodes;
      node!.handler = (_request, response) => void finish.push(() => node!.answer(response));
      const first = ask(stand.port);
      await until(() => finish.length === 1);
      const controller = new AbortController();
      const leaving = ask(stand.port, { signal: controller.signal });
      const late = ask(stand.port);
      controller.abort();
      await expect(leaving).rejects.toMatchObject({ code: "ABORT_ERR" });
      expect((await late).status).toBe(503);
      finish[0]!();
      expect((await first).status).toBe(200);
      node!.handler = (_request, response) => node!.answer(response);
      expect((await ask(stand.port)).status).toBe(200);
      expect(node!.seen.length).toBe(2);
    },
  );
});

test("nobody stands in line beyond the request's own deadline, and no node is asked for it then", async () => {
  const admission = { activeMax: 1, waitingMax: 1, waitTimeoutMs: 600_000 };
  const document = { admission, retry: { perTryTimeoutMs: 300, totalTimeoutMs: 300 } };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    const [node] = stand.nodes;
    let finish: (() => void) | undefined;
    // Its head is there, so its own deadline is met; its body is not, so it keeps its place.
    node!.handler = (_request, response) => {
      response.writeHead(200, { "content-length": "2" });
      response.write("a");
      finish = () => response.end("b");
    };
    const first = ask(stand.port);
    await until(() => finish !== undefined);
    const late = await ask(stand.port, { method: "POST", body: Buffer.from("x") });
    expect([late.status, late.headers["x-gateway-failure"]]).toEqual([503, "overloaded"]);
    expect(node!.seen.length).toBe(1);
    finish!();
    expect((await first).status).toBe(200);
    expect([stand.status().requests.active, await refused(stand, "overload")]).toEqual([0, 1]);
  });
});

test("a body above the limit: 413, told by its length or not", async () => {
  await withStand({ document: { admission: { bodyBytesMax: 1_000 } } }, async (stand) => {
    const body = Buffer.alloc(1_001);
    const counted = await ask(stand.port, { method: "PUT", body, headers: { "content-length": "1001" } });
    expect([counted.status, counted.headers.connection]).toEqual([413, "close"]);
    expect(seenBy(stand)).toBe(0);
    const chunked = await ask(stand.port, {
      method: "PUT",
      body,
      headers: { "transfer-encoding": "chunked" },
    });
    expect([chunked.status, chunked.headers["x-gateway-failure"], chunked.headers.connection]).toEqual([
      413,
      "body-too-large",
      "close",
    ]);
    const fits = await ask(stand.port, {
      method: "PUT",
      body: Buffer.alloc(1_000),
      headers: { "transfer-encoding": "chunked" },
    });
    expect(fits.status).toBe(200);
    expect(stand.status().requests.active).toBe(0);
  });
});

test("connections above the limit of a client are closed at once", async () => {
  await withStand({ document: { admission: { connectionsPerClientMax: 2 } } }, async (stand) => {
    const open = async (): Promise<"open" | "closed"> => {
      const socket = connect(stand.port, "127.0.0.1");
      socket.on("error", () => undefined);
      sockets.push(socket);
      return new Promise((resolve) => {
        socket.on("close", () => resolve("closed"));
        socket.on("data", () => resolve("open"));
        socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      });
    };
    const sockets: ReturnType<typeof connect>[] = [];
    expect([await open(), await open(), await open()]).toEqual(["open", "open", "closed"]);
    sockets[0]!.destroy();
    await until(() => sockets[0]!.destroyed);
    let last = await open();
    while (last === "closed") last = await open();
    expect(last).toBe("open");
    expect(await refused(stand, "connections")).toBeGreaterThanOrEqual(1);
    for (const socket of sockets) socket.destroy();
  });
});
