/** What is turned away before a node is asked, over sockets. */
import { Agent } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { ask, holdBack, TOKEN, until, withStand, type Stand } from "./stand.ts";

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
      "overloaded; cause=full",
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

test("who would get 503 from a full line gets what is kept, however stale, if it may be given in need", async () => {
  const document = { cache: { staleIfErrorS: 60 }, admission: { activeMax: 1, waitingMax: 0 } };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    const node = stand.node("ny1-1");
    node.handler = (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=0", etag: '"a"' }).end("kept\n");
    };
    await ask(stand.port, { path: "/kept" });
    const finish = holdBack(node, (response) => node.answer(response));
    const busy = ask(stand.port, { path: "/busy" });
    await until(() => node.seen.length === 2);
    const stale = await ask(stand.port, { path: "/kept" });
    expect([stale.status, stale.body.toString()]).toEqual([200, "kept\n"]);
    expect(stale.headers["cache-status"]).toBe("anycastle; fwd=stale; detail=stale-if-error");
    expect((await ask(stand.port, { path: "/unknown" })).status).toBe(503);
    finish();
    await busy;
    expect(node.seen.length).toBe(2);
    const metrics = await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('anycastle_admission_refused_total{reason="overload"} 2');
    expect(metrics).toContain('outcome="rescued"} 1');
    expect(stand.status().requests).toMatchObject({ active: 0, failed: 0 });
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
    expect([late.status, late.headers["x-gateway-failure"]]).toEqual([503, "overloaded; cause=waited"]);
    expect(node!.seen.length).toBe(1);
    finish!();
    expect((await first).status).toBe(200);
    expect([stand.status().requests.active, await refused(stand, "overload")]).toEqual([0, 1]);
  });
});

test("who would be served too late is told at once, with the time the line will take", async () => {
  const admission = { activeMax: 1, waitingMax: 100, waitTimeoutMs: 60_000 };
  const document = { admission, hedge: { isEnabled: false }, retry: { deadlineHeader: "x-patience-ms" } };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    const finish: (() => void)[] = [];
    const [node] = stand.nodes;
    node!.handler = (_request, response) => void finish.push(() => node!.answer(response));
    const others = Array.from({ length: 14 }, () => ask(stand.port));
    // Ten turns teach it how fast the line gets shorter.
    for (let turn = 0; turn < 10; turn++) {
      await until(() => finish.length > turn);
      finish[turn]!();
    }
    await until(() => finish.length === 11);
    const late = await ask(stand.port, { headers: { "x-patience-ms": "1" } });
    expect([late.status, late.headers["x-gateway-failure"]]).toEqual([503, "overloaded; cause=late"]);
    expect(Number(late.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    // What is no number counts for nothing, and more than everybody has is not to be had.
    const patient = ask(stand.port, { headers: { "x-patience-ms": "soon" } });
    await until(() => stand.status().admission!.waiting === 4);
    for (let turn = 10; turn < 15; turn++) {
      await until(() => finish.length > turn);
      finish[turn]!();
    }
    const statuses = (await Promise.all([...others, patient])).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([await refused(stand, "late"), await refused(stand, "overload")]).toEqual([1, 0]);
    expect([seenBy(stand), stand.status().requests.active]).toEqual([15, 0]);
  });
});

test("a client's own deadline ends its request, and can only be shorter than everybody's", async () => {
  const retry = { perTryTimeoutMs: 300, totalTimeoutMs: 300, deadlineHeader: "x-patience-ms" };
  await withStand({ sites: { ny1: 1 }, document: { retry } }, async (stand) => {
    const [node] = stand.nodes;
    node!.handler = () => undefined;
    const began = process.hrtime.bigint();
    const [short, long] = await Promise.all([
      ask(stand.port, { headers: { "x-patience-ms": "50" } }).then((answer) => ({
        ...answer,
        ns: process.hrtime.bigint() - began,
      })),
      ask(stand.port, { headers: { "x-patience-ms": "60000" } }).then((answer) => ({
        ...answer,
        ns: process.hrtime.bigint() - began,
      })),
    ]);
    expect([short.status, long.status]).toEqual([504, 504]);
    expect(short.ns).toBeLessThan(long.ns);
    expect(node!.seen[0]!.rawHeaders).toContain("x-patience-ms");
  });
});

test("a client that leaves in the middle of its body holds no place, whether or not it said close", async () => {
  const document = { admission: { activeMax: 1 }, limits: { rateGraceMs: 600_000 } };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    for (const connection of ["close", "keep-alive"]) {
      const socket = connect(stand.port, "127.0.0.1");
      socket.write(
        `PUT / HTTP/1.1\r\nhost: a\r\nconnection: ${connection}\r\ncontent-length: 200000\r\n\r\n`,
      );
      socket.write(Buffer.alloc(100_000));
      await until(() => stand.status().requests.active === 1);
      socket.destroy();
      await until(() => stand.status().requests.active === 0);
    }
    expect((await ask(stand.port)).status).toBe(200);
  });
});

test("a better tier is served first, and takes a place in a line that is full", async () => {
  const document = {
    admission: { activeMax: 1, waitingMax: 2, waitTimeoutMs: 60_000 },
    hedge: { isEnabled: false },
    paths: [
      { id: "payments", match: ["/pay"], tier: "P0" },
      { id: "reports", match: ["/report"], tier: "P3" },
    ],
  };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    const finish: (() => void)[] = [];
    const [node] = stand.nodes;
    node!.handler = (_request, response) => void finish.push(() => node!.answer(response));
    const first = ask(stand.port);
    await until(() => finish.length === 1);
    const report = ask(stand.port, { path: "/report" });
    await until(() => stand.status().admission!.waiting === 1);
    const ordinary = ask(stand.port, { path: "/ordinary" });
    await until(() => stand.status().admission!.waiting === 2);
    const payment = ask(stand.port, { path: "/pay" });
    const displaced = await report;
    expect([displaced.status, displaced.headers["x-gateway-failure"]]).toEqual([
      503,
      "overloaded; cause=displaced",
    ]);
    for (let turn = 0; turn < 3; turn++) {
      await until(() => finish.length > turn);
      finish[turn]!();
    }
    await Promise.all([first, ordinary, payment]);
    expect(node!.seen.map(({ url }) => url)).toEqual(["/", "/pay", "/ordinary"]);
    expect(await refused(stand, "displaced")).toBe(1);
  });
});

test.each(["gradient", "aimd"])("%s: the limit follows, and can be seen", async (algorithm) => {
  const admission = {
    activeMax: 64,
    waitingMax: 50,
    waitTimeoutMs: 60_000,
    adaptive: { algorithm, activeMin: 2, activeInitial: 4, windowMs: 50, samplesMin: 10 },
  };
  await withStand({ document: { admission, hedge: { isEnabled: false } } }, async (stand) => {
    expect(stand.status().admission).toMatchObject({ limit: 4, phase: "following", active: 0, waiting: 0 });
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const ends = { isOver: false };
    const clients = Array.from({ length: 8 }, async () => {
      while (!ends.isOver) expect((await ask(stand.port, { agent })).status).toBe(200);
    });
    await until(() => stand.status().admission!.limit > 4);
    const metrics = await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text();
    const page = await (await fetch(`${stand.gateway.adminUrl}/stats`)).text();
    ends.isOver = true;
    await Promise.all(clients);
    expect(Number(/^anycastle_admission_limit (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(2);
    expect(page).toMatch(/\d+ of \d+ without an answer \((following|measuring)/);
    expect(stand.status().admission).toMatchObject({ active: 0, waiting: 0 });
    expect(stand.status().admission!.headMs).toBeGreaterThan(0);
    expect(stand.status().admission!.floorMs === null).toBe(algorithm === "aimd");
    agent.destroy();
  });
});

test("gradient: before a node that does four at a time clients stand in the gateway's line, not in the node's", async () => {
  const adaptive = { algorithm: "gradient", activeMin: 2, activeInitial: 64, windowMs: 50, samplesMin: 30 };
  const admission = {
    activeMax: 64,
    waitingMax: 100,
    waitTimeoutMs: 60_000,
    adaptive: { ...adaptive, measureIntervalMs: 1_000 },
  };
  const document = { admission, hedge: { isEnabled: false } };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    const [node] = stand.nodes;
    const queue: (() => void)[] = [];
    let working = 0;
    let queuedMax = 0;
    const work = (): void => {
      while (working < 4 && queue.length > 0) {
        const answer = queue.shift()!;
        working += 1;
        setTimeout(() => {
          working -= 1;
          answer();
          work();
        }, 5);
      }
    };
    node!.handler = (_request, response) => {
      queue.push(() => node!.answer(response));
      queuedMax = Math.max(queuedMax, queue.length);
      work();
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    const serve = async (count: number): Promise<void> => {
      let left = count;
      const clients = Array.from({ length: 64 }, async () => {
        while (left-- > 0) expect((await ask(stand.port, { agent })).status).toBe(200);
      });
      await Promise.all(clients);
    };
    await serve(300);
    expect(queuedMax).toBeGreaterThan(32);
    await until(async () => {
      await serve(300);
      return stand.status().admission!.limit <= 24;
    });
    queuedMax = 0;
    await serve(200);
    expect(queuedMax).toBeLessThan(32);
    agent.destroy();
  });
});

test("bodies that are long hold no place of a limit that follows, and each of one that stays", async () => {
  for (const [admission, expected] of [
    [{ adaptive: { algorithm: "gradient", activeMin: 2, activeInitial: 2 } }, 200],
    [{ activeMax: 2 }, 503],
    [{ activeMax: 2, adaptive: { algorithm: "gradient", activeMin: 2, activeInitial: 2 } }, 503],
  ] as const) {
    await withStand({ sites: { ny1: 1 }, document: { admission } }, async (stand) => {
      const [node] = stand.nodes;
      const finish: (() => void)[] = [];
      node!.handler = (_request, response) => {
        response.writeHead(200, { "content-length": "2" }).write("a");
        finish.push(() => response.end("b"));
      };
      const long = [ask(stand.port), ask(stand.port)];
      await until(() => finish.length === 2 && stand.status().admission!.awaiting === 0);
      expect(stand.status().admission).toMatchObject({ active: 2, awaiting: 0 });
      node!.handler = (_request, response) => node!.answer(response);
      expect((await ask(stand.port)).status).toBe(expected);
      for (const end of finish) end();
      expect((await Promise.all(long)).map(({ status }) => status)).toEqual([200, 200]);
      await until(() => stand.status().admission!.active === 0);
    });
  }
});

test("what a limit has learnt stays over a reload, unless its rules change", async () => {
  const adaptive = { algorithm: "aimd", activeMin: 2, activeInitial: 4, windowMs: 50, samplesMin: 10 };
  await withStand({ document: { admission: { adaptive } } }, async (stand) => {
    while (stand.status().admission!.limit === 4) await Promise.all([1, 2, 3].map(() => ask(stand.port)));
    const learnt = stand.status().admission!.limit;
    const { admission } = stand.config;
    expect(stand.gateway.reload({ ...stand.config, serverTiming: "always" }).isApplied).toBe(true);
    expect(stand.status().admission!.limit).toBe(learnt);
    const other = { ...admission, adaptive: { ...admission.adaptive, activeInitial: 7 } };
    expect(stand.gateway.reload({ ...stand.config, admission: other }).isApplied).toBe(true);
    expect(stand.status().admission!.limit).toBe(7);
  });
});

test("errors that come at once are no samples, nor is how long a client sends", async () => {
  const adaptive = { algorithm: "gradient", activeMin: 2, activeInitial: 4, windowMs: 50, samplesMin: 10 };
  const document = { admission: { adaptive }, retry: { statuses: [] } };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    stand.nodes[0]!.handler = (_request, response) => void response.writeHead(503).end();
    for (let count = 0; count < 30; count++) expect((await ask(stand.port)).status).toBe(503);
    // Nor is how long a client takes to send.
    stand.nodes[0]!.handler = (_request, response) => stand.nodes[0]!.answer(response);
    for (let count = 0; count < 30; count++) {
      const headers = { "transfer-encoding": "chunked" };
      expect((await ask(stand.port, { method: "PUT", body: "x", headers })).status).toBe(200);
    }
    expect(stand.status().admission).toMatchObject({ limit: 4, headMs: 0, floorMs: null, active: 0 });
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
