/** The cache over sockets: what is given out, what is asked, and what is left of a node that dies. */
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { ask, hang, holdBack, TOKEN, until, withStand, type Answer, type Stand } from "./stand.ts";

const FRESH = { "cache-control": "max-age=60" };
const ONE = { sites: { ny1: 1 }, document: { cache: {} } };

/** Answers with these fields and the number of the answer as its body. */
function answering(stand: Stand, fields: Readonly<Record<string, string>>, status = 200): () => number {
  let count = 0;
  for (const node of stand.nodes) {
    node.handler = (_request, response) => {
      count += 1;
      response.writeHead(status, { "x-edge-route": node.site, ...fields });
      response.end(status === 304 ? undefined : `answer ${count}\n`);
    };
  }
  return () => count;
}

interface Held {
  readonly finish: () => void;
  readonly refuse: () => void;
}

/** Each answer of the node waits for a word; `old` may be kept. */
function holding(stand: Stand): Held[] {
  const held: Held[] = [];
  stand.node("ny1-1").handler = (_request, response) => {
    const finish = (): unknown => response.writeHead(200, { "cache-control": "max-age=60" }).end("old\n");
    held.push({ finish, refuse: () => response.writeHead(404).end() });
  };
  return held;
}

async function clear({ gateway }: Stand): Promise<Response> {
  return fetch(`${gateway.adminUrl}/api/v1/cache`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: "{}",
  });
}

async function metricsOf({ gateway }: Stand): Promise<string> {
  return (await fetch(`${gateway.adminUrl}/metrics`)).text();
}

function told({ body, headers, status }: Answer): string {
  return `${status} ${body.toString().trim()} (${String(headers["cache-status"])})`;
}

test("what is fresh is given out again, with its age, its route and a name of its own; another path is another answer", async () => {
  await withStand(ONE, async (stand) => {
    const count = answering(stand, { "cache-control": "max-age=60" });
    expect(told(await ask(stand.port))).toBe("200 answer 1 (anycastle; fwd=uri-miss)");
    const again = await ask(stand.port);
    expect(told(again)).toBe("200 answer 1 (anycastle; hit)");
    expect(again.headers).toMatchObject({
      age: expect.stringMatching(/^\d+$/) as string,
      "x-edge-route": "ny1",
      "content-length": "9",
    });
    expect(again.rawHeaders.filter((name) => name.toLowerCase() === "x-request-id").length).toBe(1);
    const head = await ask(stand.port, { method: "HEAD" });
    expect([head.status, head.body.length, head.headers["content-length"]]).toEqual([200, 0, "9"]);
    await ask(stand.port, { path: "/other" });
    expect(count()).toBe(2);
    expect(stand.status().requests).toMatchObject({ active: 0, failed: 0, total: 4 });
  });
});

test.each([
  ["nothing about it", {}, {}],
  ["no-store", { "cache-control": "no-store" }, {}],
  ["a cookie", { "cache-control": "max-age=60", "set-cookie": "a=b" }, {}],
  ["a request that says no-store", { "cache-control": "max-age=60" }, { "cache-control": "no-store" }],
  ["a range", { "cache-control": "max-age=60" }, { range: "bytes=0-1" }],
])("%s: each is asked of a node", async (_name, fields, headers) => {
  await withStand(ONE, async (stand) => {
    const count = answering(stand, fields);
    for (let index = 0; index < 3; index++) await ask(stand.port, { headers });
    expect(count()).toBe(3);
  });
});

test("a client that has it gets 304; one that wants it anew makes the node be asked", async () => {
  await withStand(ONE, async (stand) => {
    const count = answering(stand, { "cache-control": "max-age=60", etag: '"v1"' });
    await ask(stand.port);
    const known = await ask(stand.port, { headers: { "if-none-match": '"v1"' } });
    expect([known.status, known.body.length, known.headers.etag]).toEqual([304, 0, '"v1"']);
    expect(count()).toBe(1);
    await ask(stand.port, { headers: { "cache-control": "no-cache" } });
    expect(count()).toBe(2);
    const none = await ask(stand.port, { path: "/new", headers: { "cache-control": "only-if-cached" } });
    expect([none.status, count()]).toEqual([504, 2]);
  });
});

test("what is stale is asked about: 304 makes it fresh, the client's own condition is judged by what comes", async () => {
  await withStand(ONE, async (stand) => {
    answering(stand, { "cache-control": "max-age=0", etag: '"v1"' });
    await ask(stand.port);
    const count = answering(stand, { "cache-control": "max-age=60", etag: '"v1"' }, 304);
    expect(told(await ask(stand.port))).toBe("200 answer 1 (anycastle; fwd=stale; fwd-status=304)");
    const { seen } = stand.node("ny1-1");
    const { rawHeaders } = seen.at(-1)!;
    expect(rawHeaders[rawHeaders.indexOf("if-none-match") + 1]).toBe('"v1"');
    expect(told(await ask(stand.port))).toBe("200 answer 1 (anycastle; hit)");
    expect(count()).toBe(1);
  });
});

test("by Vary each kind of client has its own", async () => {
  await withStand(ONE, async (stand) => {
    const count = answering(stand, { "cache-control": "max-age=60", vary: "accept-language" });
    const inLanguage = async (language: string): Promise<string> =>
      (await ask(stand.port, { headers: { "accept-language": language } })).body.toString().trim();
    expect(await inLanguage("de")).toBe("answer 1");
    expect(await inLanguage("en")).toBe("answer 2");
    expect([await inLanguage("de"), await inLanguage("en"), count()]).toEqual(["answer 1", "answer 2", 2]);
  });
});

test("a hundred ask for the same at once: one is asked of a node; one of them that leaves takes nobody along", async () => {
  await withStand(ONE, async (stand) => {
    const node = stand.node("ny1-1");
    const finish = holdBack(node, (response) => response.writeHead(200, FRESH).end("one for all\n"));
    const first = ask(stand.port);
    await until(() => node.seen.length === 1);
    const others = Array.from({ length: 99 }, () => ask(stand.port));
    await until(async () => (await metricsOf(stand)).includes("anycastle_cache_waiting 99"));
    finish();
    const answers = await Promise.all([first, ...others]);
    expect(new Set(answers.map(({ body }) => body.toString()))).toEqual(new Set(["one for all\n"]));
    expect(node.seen.length).toBe(1);
    expect(stand.status().requests).toMatchObject({ active: 0, failed: 0, total: 100 });
  });
});

test("those who waited for an answer that may not be kept ask themselves", async () => {
  await withStand(ONE, async (stand) => {
    const count = answering(stand, { "cache-control": "private" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(stand.port)));
    expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(10);
    expect(count()).toBe(10);
  });
});

test("those who waited long enough ask themselves", async () => {
  await withStand({ ...ONE, document: { cache: { waitMs: 50 } } }, async (stand) => {
    const node = stand.node("ny1-1");
    const held: (() => void)[] = [];
    node.handler = (_request, response) => void held.push(() => node.answer(response));
    const answers = [ask(stand.port)];
    await until(() => node.seen.length === 1);
    answers.push(ask(stand.port));
    await until(() => node.seen.length === 2);
    for (const finish of held) finish();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

test("with nobody there what is stale is given, as long as it may be, and nothing counts as failed", async () => {
  const document = { cache: { staleIfErrorS: 60 } };
  await withStand({ sites: { ny1: 2 }, document }, async (stand) => {
    answering(stand, { "cache-control": "max-age=0", etag: '"a"' });
    await ask(stand.port);
    answering(stand, {}, 503);
    expect(told(await ask(stand.port))).toBe("200 answer 1 (anycastle; fwd=stale; detail=stale-if-error)");
    for (const node of stand.nodes) await node.kill();
    expect(told(await ask(stand.port))).toBe("200 answer 1 (anycastle; fwd=stale; detail=stale-if-error)");
    expect((await ask(stand.port, { path: "/unknown" })).status).toBe(502);
    const { failed, total, active } = stand.status().requests;
    expect([failed, total, active]).toEqual([1, 4, 0]);
  });
});

test("POST and the operator make it forget; a reload does not, unless its rules change", async () => {
  await withStand(ONE, async (stand) => {
    const count = answering(stand, { "cache-control": "max-age=60" });
    const one = async (): Promise<string> => (await ask(stand.port)).body.toString().trim();
    expect([await one(), await one()]).toEqual(["answer 1", "answer 1"]);
    await ask(stand.port, { method: "POST", body: "x", headers: { "content-length": "1" } });
    expect([count(), await one()]).toEqual([2, "answer 3"]);
    stand.gateway.reload({ ...stand.config, hasRequestId: false });
    expect(await one()).toBe("answer 3");
    expect(await (await clear(stand)).json()).toMatchObject({ cleared: { entries: 1 } });
    expect(await one()).toBe("answer 4");
    stand.gateway.reload({ ...stand.config, cache: { ...stand.config.cache!, entriesMax: 5 } });
    expect(await one()).toBe("answer 5");
    const metrics = await metricsOf(stand);
    expect(metrics).toContain("anycastle_cache_entries 1");
    expect(metrics).toContain('anycastle_cache_requests_total{result="hit"} 2');
  });
});

test("a body that is too long, or breaks off, is not kept", async () => {
  await withStand({ ...ONE, document: { cache: { entryBytesMax: 1_024 } } }, async (stand) => {
    const node = stand.node("ny1-1");
    node.handler = (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=60" });
      for (let piece = 0; piece < 4; piece++) response.write(Buffer.alloc(500, "x"));
      response.end();
    };
    for (let count = 0; count < 2; count++) expect((await ask(stand.port)).body.length).toBe(2_000);
    expect(node.seen.length).toBe(2);
    node.handler = (request, response) => {
      response.writeHead(200, { "cache-control": "max-age=60", "content-length": "100" });
      response.write("half", () => request.socket.destroy());
    };
    await ask(stand.port, { path: "/broken" }).catch(() => undefined);
    node.handler = (_request, response) => response.end("whole\n");
    expect((await ask(stand.port, { path: "/broken" })).body.toString()).toBe("whole\n");
  });
});

test("a client that leaves in the middle of the answer leaves no half of it behind", async () => {
  await withStand(ONE, async (stand) => {
    const node = stand.node("ny1-1");
    node.handler = hang;
    const over = new AbortController();
    const left = fetch(`http://127.0.0.1:${stand.port}/`, { signal: over.signal }).catch(() => undefined);
    await until(() => node.seen.length === 1);
    over.abort();
    await left;
    await until(() => stand.status().requests.active === 0);
    node.handler = (_request, response) => response.end("whole\n");
    expect((await ask(stand.port)).body.toString()).toBe("whole\n");
  });
});

test.each([
  ["private", { "cache-control": "private, max-age=60" }],
  ["no-store", { "cache-control": "no-store" }],
])("a 304 with %s is for the client that asked, and ends what was kept", async (_name, fields) => {
  await withStand(ONE, async (stand) => {
    answering(stand, { "cache-control": "max-age=0", etag: '"a"' });
    await ask(stand.port);
    answering(stand, { etag: '"a"', ...fields }, 304);
    expect((await ask(stand.port)).body.toString()).toBe("answer 1\n");
    answering(stand, {});
    expect(told(await ask(stand.port))).toBe("200 answer 1 (anycastle; fwd=uri-miss)");
  });
});

test("the cookie of a 304 is for the client that asked; what is kept stays, fresh again, without it", async () => {
  await withStand(ONE, async (stand) => {
    answering(stand, { "cache-control": "max-age=0", etag: '"a"' });
    await ask(stand.port);
    const fields = { etag: '"a"', "cache-control": "max-age=60", "set-cookie": "of=one-client" };
    const count = answering(stand, fields, 304);
    const asking = await ask(stand.port);
    expect(asking.headers["set-cookie"]).toEqual(["of=one-client"]);
    const other = await ask(stand.port);
    expect(told(other)).toBe("200 answer 1 (anycastle; hit)");
    expect([other.headers["set-cookie"], count()]).toEqual([undefined, 1]);
  });
});

test("why a node was asked is told: nothing kept, another variant, too old, the request's own wish", async () => {
  await withStand(ONE, async (stand) => {
    answering(stand, { "cache-control": "max-age=60", vary: "accept" });
    const statusOf = async (headers: Record<string, string>): Promise<string> =>
      String((await ask(stand.port, { headers })).headers["cache-status"]);
    expect(await statusOf({ accept: "a" })).toBe("anycastle; fwd=uri-miss");
    expect(await statusOf({ accept: "b" })).toBe("anycastle; fwd=vary-miss");
    expect(await statusOf({ accept: "a", "cache-control": "no-cache" })).toBe("anycastle; fwd=request");
    answering(stand, { "cache-control": "max-age=0", etag: '"a"', vary: "accept" });
    await statusOf({ accept: "c" });
    expect(await statusOf({ accept: "c" })).toBe("anycastle; fwd=stale");
  });
});

test("many at once, with nobody there: one finds out, and each gets the stale one", async () => {
  await withStand({ ...ONE, document: { cache: { staleIfErrorS: 60 } } }, async (stand) => {
    answering(stand, { "cache-control": "max-age=0", etag: '"a"' });
    await ask(stand.port);
    const node = stand.node("ny1-1");
    const held: (() => void)[] = [];
    node.handler = (_request, response) => void held.push(() => response.writeHead(503).end());
    const answers = Array.from({ length: 20 }, () => ask(stand.port));
    await until(async () => (await metricsOf(stand)).includes("anycastle_cache_waiting 19"));
    for (const finish of held) finish();
    const texts = (await Promise.all(answers)).map(told);
    const alone = "200 answer 1 (anycastle; fwd=stale; detail=stale-if-error)";
    const together = "200 answer 1 (anycastle; fwd=stale; collapsed; detail=stale-if-error)";
    expect(texts.toSorted()).toEqual([...Array<string>(19).fill(together), alone]);
    expect(node.seen.length).toBe(2);
    expect(stand.status().requests).toMatchObject({ active: 0, failed: 0, total: 21 });
  });
});

test("a stale answer stays whole although the error that it stands for breaks off", async () => {
  await withStand({ ...ONE, document: { cache: { staleIfErrorS: 60 } } }, async (stand) => {
    answering(stand, { "cache-control": "max-age=0", etag: '"a"' });
    await ask(stand.port);
    stand.node("ny1-1").handler = (request, response) => {
      response.writeHead(503, { "content-length": "100" });
      response.write("half", () => request.socket.destroy());
    };
    expect((await ask(stand.port)).body.toString()).toBe("answer 1\n");
    await until(() => stand.status().requests.active === 0);
    expect(stand.status().requests).toMatchObject({ failed: 0, total: 2 });
    expect(await metricsOf(stand)).toContain('outcome="rescued"} 1');
  });
});

test.each(["POST", "PATCH", "MKCOL", "PURGE", "PROPPATCH", "DELETE"])(
  "what is on its way when a %s succeeds is not kept; of another path it is",
  async (method) => {
    await withStand(ONE, async (stand) => {
      const node = stand.node("ny1-1");
      const held = holding(stand);
      const open = ask(stand.port);
      const beside = ask(stand.port, { path: "/beside" });
      await until(() => held.length === 2);
      node.handler = (_request, response) => node.answer(response);
      await ask(stand.port, { method });
      for (const { finish } of held) finish();
      expect((await open).body.toString()).toBe("old\n");
      await beside;
      expect((await ask(stand.port)).body.toString()).toBe("ny1-1\n");
      expect(told(await ask(stand.port, { path: "/beside" }))).toBe("200 old (anycastle; hit)");
    });
  },
);

test("what is on its way when the operator clears is not kept, and whoever waits for it asks anew", async () => {
  await withStand(ONE, async (stand) => {
    const node = stand.node("ny1-1");
    const held = holding(stand);
    const first = ask(stand.port);
    await until(() => held.length === 1);
    const second = ask(stand.port);
    await until(async () => (await metricsOf(stand)).includes("anycastle_cache_waiting 1"));
    node.handler = (_request, response) => node.answer(response);
    await clear(stand);
    expect((await second).body.toString()).toBe("ny1-1\n");
    held[0]!.finish();
    expect((await first).body.toString()).toBe("old\n");
    expect(node.seen.length).toBe(2);
  });
});

test.each([
  [304, "200 answer 1 (anycastle; fwd=stale; fwd-status=304)"],
  [503, "503 answer 1 (anycastle; fwd=stale)"],
])(
  "cleared while a stale one is asked about, %d comes: nothing of it is kept or given",
  async (status, text) => {
    await withStand({ ...ONE, document: { cache: { staleIfErrorS: 60 } } }, async (stand) => {
      answering(stand, { "cache-control": "max-age=0", etag: '"a"' });
      await ask(stand.port);
      const node = stand.node("ny1-1");
      let finish: () => void = () => undefined;
      node.handler = (_request, response) => {
        finish = () => {
          response.writeHead(status, { "cache-control": "max-age=60", etag: '"a"' });
          response.end(status === 304 ? undefined : "answer 1\n");
        };
      };
      const open = ask(stand.port);
      await until(() => node.seen.length === 2);
      await clear(stand);
      finish();
      expect(told(await open)).toBe(text);
      node.handler = (_request, response) => node.answer(response);
      expect(told(await ask(stand.port))).toBe("200 ny1-1 (anycastle; fwd=uri-miss)");
    });
  },
);

test("if whoever asked first leaves, one other asks, and all wait for that one", async () => {
  await withStand(ONE, async (stand) => {
    const node = stand.node("ny1-1");
    const held = holding(stand);
    const over = new AbortController();
    const first = fetch(`http://127.0.0.1:${stand.port}/`, { signal: over.signal }).catch(() => undefined);
    await until(() => held.length === 1);
    const others = Array.from({ length: 10 }, () => ask(stand.port));
    await until(async () => (await metricsOf(stand)).includes("anycastle_cache_waiting 10"));
    over.abort();
    await first;
    await until(() => held.length === 2);
    expect(await metricsOf(stand)).toContain("anycastle_cache_waiting 9");
    held[1]!.finish();
    const texts = (await Promise.all(others)).map(told);
    expect(texts.filter((text) => text === "200 old (anycastle; fwd=uri-miss; collapsed)").length).toBe(9);
    expect(texts).toContain("200 old (anycastle; fwd=uri-miss)");
    expect(node.seen.length).toBe(2);
    expect(stand.status().requests).toMatchObject({ active: 0, failed: 0 });
  });
});

test("one that a late lead leaves behind is not taken for the one that came after it", async () => {
  await withStand({ ...ONE, document: { cache: { waitMs: 100 } } }, async (stand) => {
    const held = holding(stand);
    const slow = ask(stand.port);
    await until(() => held.length === 1);
    const late = ask(stand.port);
    // It has waited for `waitMs`, so what comes now begins a flight of its own.
    await until(() => held.length === 2);
    const next = ask(stand.port);
    await until(() => held.length === 3);
    const waiter = ask(stand.port);
    await until(async () => (await metricsOf(stand)).includes("anycastle_cache_waiting 1"));
    held[0]!.refuse();
    await slow;
    expect(await metricsOf(stand)).toContain("anycastle_cache_waiting 1");
    held[2]!.finish();
    expect(told(await waiter)).toBe("200 old (anycastle; fwd=uri-miss; collapsed)");
    held[1]!.finish();
    await Promise.all([late, next]);
    expect(held.length).toBe(3);
  });
});

test("a client that does not read holds up nobody who waits for the same", async () => {
  const bytes = 12 * 2 ** 20;
  const document = { cache: { entryBytesMax: 2 * bytes } };
  await withStand({ ...ONE, document }, async (stand) => {
    const node = stand.node("ny1-1");
    node.handler = (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=60", "content-length": bytes });
      response.end(Buffer.alloc(bytes, "x"));
    };
    const idle = connect(stand.port, "127.0.0.1");
    idle.pause();
    idle.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await until(() => node.seen.length === 1);
    const other = await ask(stand.port, { headers: { host: "a" } });
    expect([other.body.length, node.seen.length]).toEqual([bytes, 1]);
    // Nor does it lose anything by that.
    let read = 0;
    idle.on("data", (chunk: Buffer) => (read += chunk.length));
    idle.resume();
    await until(() => read > bytes);
    idle.destroy();
  });
});

test("what is being collected is bounded: beyond it answers pass, and are not kept", async () => {
  const document = { cache: { bytesMax: 65_536, entryBytesMax: 65_536 } };
  await withStand({ ...ONE, document }, async (stand) => {
    const node = stand.node("ny1-1");
    const held: ServerResponse[] = [];
    node.handler = (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=60" });
      response.write(Buffer.alloc(40_000, "x"), () => held.push(response));
    };
    const sizes = { a: 0, b: 0 };
    const both = (["a", "b"] as const).map(async (name) => {
      const answer = await fetch(`http://127.0.0.1:${stand.port}/${name}`);
      for await (const chunk of answer.body!) sizes[name] += (chunk as Uint8Array).length;
    });
    await until(() => held.length === 2 && sizes.a === 40_000 && sizes.b === 40_000);
    for (const response of held) response.end("end");
    await Promise.all(both);
    expect(sizes).toEqual({ a: 40_003, b: 40_003 });
    const kept = await (await fetch(`${stand.gateway.adminUrl}/api/v1/cache`)).json();
    expect(kept).toMatchObject({ entries: 1 });
    node.handler = (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=60" }).end(Buffer.alloc(40_000, "x"));
    };
    // Nothing of the two is held any more; of two that are kept the older goes.
    for (const path of ["/c", "/d"]) await ask(stand.port, { path });
    expect(await metricsOf(stand)).toContain("anycastle_cache_entries 1");
    expect(await metricsOf(stand)).toContain("anycastle_cache_evictions_total 2");
  });
});

test("a path that is not kept is forgotten all the same when a POST changes it", async () => {
  const paths = [{ id: "posts", match: ["/**"], methods: ["POST"], isCached: false }];
  await withStand({ ...ONE, document: { cache: {}, paths } }, async (stand) => {
    const count = answering(stand, { "cache-control": "max-age=60" });
    await ask(stand.port);
    await ask(stand.port, { method: "POST" });
    expect([count(), (await ask(stand.port)).body.toString().trim()]).toEqual([2, "answer 3"]);
  });
});
