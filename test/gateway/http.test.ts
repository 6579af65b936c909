/** HTTP between client and node: what passes, what does not, and what is written anew. */
import { connect } from "node:net";
import { expect, test } from "vitest";
import { ask, converse, speak, until, withStand, type FakeNode } from "./stand.ts";

/** Every node answers with these bytes and closes. */
function answerRaw(nodes: readonly FakeNode[], bytes: string): void {
  for (const node of nodes) node.handler = (request) => void request.socket.end(bytes);
}

function fieldsOf(raw: readonly string[]): string[] {
  return raw.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
}

test("HEAD keeps the connection to the node, and the length it would have", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    for (let count = 0; count < 3; count++) {
      const answer = await ask(port, { method: "HEAD" });
      expect([answer.status, answer.headers["content-length"], answer.body.length]).toEqual([200, "6", 0]);
    }
    expect((await ask(port)).body.toString()).toBe("ny1-1\n");
    // One for checks, one for requests.
    expect(node("ny1-1").connections).toBe(2);
  });
});

test("fields of the hop between node and gateway stay there; all others pass in order, repeated ones too", async () => {
  await withStand({}, async ({ nodes, port }) => {
    answerRaw(
      nodes,
      "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\n" +
        "X-Hop: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Edge-Route: ny1\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\n" +
        "Content-Length: 2\r\n\r\nok",
    );
    const { headers, rawHeaders } = await ask(port, { headers: { connection: "keep-alive" } });
    expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(headers["x-edge-route"]).toBe("ny1");
    expect(headers.date).toBe("Tue, 24 Nov 2026 00:00:00 GMT");
    const names = fieldsOf(rawHeaders);
    for (const gone of ["x-hop", "proxy-connection", "upgrade"]) expect(names).not.toContain(gone);
    expect(names.filter((name) => name === "date").length).toBe(1);
    // The gateway's own hop.
    expect(headers.connection).toBe("keep-alive");
    expect(headers["keep-alive"]).not.toContain("timeout=5,");
  });
});

test("fields of the hop between client and gateway stay there; the forwarding fields are the gateway's own", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    await ask(port, {
      headers: {
        connection: "keep-alive, x-hop, authorization",
        "x-hop": "1",
        te: "trailers",
        "proxy-connection": "x",
        "x-forwarded-for": "6.6.6.6",
        authorization: "Basic eA==",
        "x-keep": "1",
      },
    });
    const { rawHeaders } = node("ny1-1").seen[0]!;
    const names = fieldsOf(rawHeaders);
    for (const gone of ["x-hop", "te", "proxy-connection"]) expect(names).not.toContain(gone);
    for (const kept of ["authorization", "x-keep", "via"]) expect(names).toContain(kept);
    expect(rawHeaders[names.indexOf("x-forwarded-for") * 2 + 1]).toBe("127.0.0.1");
    expect(names.filter((name) => name === "host").length).toBe(1);
  });
});

test("a missing Date is added", async () => {
  await withStand({}, async ({ nodes, port }) => {
    answerRaw(nodes, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    expect((await ask(port)).headers.date).toMatch(/GMT$/);
  });
});

test("204 and 304 have no body, 304 keeps its length, 204 has none", async () => {
  await withStand({}, async ({ nodes, port }) => {
    answerRaw(nodes, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n");
    const unchanged = await ask(port);
    expect([unchanged.status, unchanged.headers["content-length"], unchanged.body.length]).toEqual([
      304,
      "7",
      0,
    ]);
    answerRaw(nodes, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
    const empty = await ask(port);
    expect([empty.status, empty.headers["content-length"]]).toEqual([204, undefined]);
    expect(empty.headers["transfer-encoding"]).toBe(undefined);
  });
});

test("a reason phrase that may not be written again is replaced", async () => {
  await withStand({}, async ({ nodes, port }) => {
    answerRaw(nodes, "HTTP/1.1 200 G\u00fct\r\nContent-Length: 2\r\n\r\nok");
    const text = await speak(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(text.split("\r\n")[0]).toBe("HTTP/1.1 200 OK");
    answerRaw(nodes, "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nok");
    const fine = await speak(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(fine.split("\r\n")[0]).toBe("HTTP/1.1 200 Fine");
  });
});

test("trailers pass, except those that bear on framing or safety", async () => {
  await withStand({}, async ({ nodes, port }) => {
    answerRaw(
      nodes,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\nSet-Cookie: a=1\r\n\r\n",
    );
    const answer = await ask(port);
    expect(answer.body.toString()).toBe("ok");
    expect(answer.trailers).toEqual({ "x-sum": "42" });
    const head = await ask(port, { method: "HEAD" });
    expect(head.status).toBe(200);
  });
});

test("an HTTP/1.0 client gets no chunking", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    node("ny1-1").handler = (_request, response) => {
      response.write("streamed");
      response.end(" body");
    };
    const text = await speak(port, "GET / HTTP/1.0\r\n\r\n");
    const [head = "", body] = text.split("\r\n\r\n");
    expect(head.toLowerCase()).not.toContain("transfer-encoding");
    expect(body).toBe("streamed body");
  });
});

test("100 is answered by the gateway, and only to a head it accepts", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    const body = "hello";
    const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    const text = await converse(port, head, (heard, socket) => {
      if (heard === "HTTP/1.1 100 Continue\r\n\r\n") socket.write(body);
    });
    expect(text).toContain("200 OK");
    expect(node("ny1-1").seen[0]!.body.toString()).toBe(body);
    expect(fieldsOf(node("ny1-1").seen[0]!.rawHeaders)).not.toContain("expect");
    const refused = await speak(port, head.replace("Host: x", "Host: a/b"));
    expect(refused).toMatch(/^HTTP\/1\.1 400 /);
    const unknown = await speak(port, head.replace("100-continue", "magic"));
    expect(unknown).toMatch(/^HTTP\/1\.1 417 /);
    expect(node("ny1-1").seen.length).toBe(1);
  });
});

test("a request body nobody reads does not spoil the connection", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    await node("ny1-1").kill();
    const body = "x".repeat(200_000);
    const first = `PUT /1 HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const second = "GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const text = await speak(port, first + second);
    expect(text.match(/HTTP\/1\.1 502/g)?.length).toBe(2);
  });
});

test("pipelined requests are answered in order", async () => {
  await withStand({}, async ({ nodes, port }) => {
    for (const node of nodes) {
      node.handler = (request, response) => {
        setTimeout(() => node.answer(response, `${request.url}\n`), request.url === "/1" ? 30 : 0);
      };
    }
    const text = await speak(
      port,
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    expect(text.match(/^\/\d/gm)).toEqual(["/1", "/2"]);
  });
});

test("a slow reader holds the node back, and gets every byte", async () => {
  const size = 24 * 1024 * 1024;
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    let written = 0;
    node("ny1-1").handler = (_request, response) => {
      response.writeHead(200, { "content-length": size });
      const chunk = Buffer.alloc(64 * 1024, "x");
      const more = (): void => {
        while (written < size) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    };
    const socket = connect(port, "127.0.0.1");
    let received = 0;
    socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await new Promise<void>((resolve) =>
      socket.once("data", (chunk) => {
        received += chunk.length;
        socket.pause();
        resolve();
      }),
    );
    // Nobody reads: the writer comes to rest once the buffers between are full.
    let last = -1;
    while (last !== written) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(written).toBeLessThan(size);
    socket.on("data", (chunk) => {
      received += chunk.length;
    });
    socket.resume();
    await new Promise<void>((resolve) => socket.on("close", () => resolve()));
    expect(received).toBeGreaterThan(size);
  });
});

test("a head that never ends is answered 408 and cut", async () => {
  await withStand({ document: { limits: { headTimeoutMs: 200 } } }, async ({ nodes, port }) => {
    expect(await speak(port, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")).toMatch(/^HTTP\/1\.1 408 /);
    expect(nodes.every(({ seen }) => seen.length === 0)).toBe(true);
  });
});

test("an Upgrade to WebSocket is refused, any other one is ignored", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    const upgrade = (to: string): string =>
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: ${to}\r\n\r\n`;
    expect(await speak(port, upgrade("websocket"))).toMatch(/^HTTP\/1\.1 501 /);
    expect(node("ny1-1").seen).toEqual([]);
    expect(await speak(port, upgrade("h2c"))).toMatch(/^HTTP\/1\.1 200 /);
    expect(fieldsOf(node("ny1-1").seen[0]!.rawHeaders)).not.toContain("upgrade");
  });
});

test("a broken request behind one under way writes nothing into its answer", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    node("ny1-1").handler = (_request, response) => void response.write("part");
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => text.includes("part"));
    socket.write("\u0000garbage\r\n\r\n");
    await new Promise<void>((resolve) => socket.on("close", () => resolve()));
    expect(text).not.toContain("400");
  });
});

test("a trusted proxy's word about the client is believed and added to, anybody else's is replaced", async () => {
  const said = {
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "shop.example",
  };
  const seen = async (trustedProxies: string[]): Promise<(string | undefined)[]> => {
    let values: (string | undefined)[] = [];
    await withStand({ sites: { ny1: 1 }, document: { trustedProxies } }, async ({ nodes, port }) => {
      await ask(port, { headers: said });
      const { rawHeaders } = nodes[0]!.seen[0]!;
      values = Object.keys(said).map((name) => rawHeaders[rawHeaders.indexOf(name) + 1]);
    });
    return values;
  };
  expect(await seen(["127.0.0.0/8"])).toEqual(["203.0.113.9, 127.0.0.1", "https", "shop.example"]);
  const [address, proto, host] = await seen([]);
  expect([address, proto]).toEqual(["127.0.0.1", "http"]);
  expect(host).toMatch(/^127\.0\.0\.1:\d+$/);
});

test("Max-Forwards: OPTIONS is answered here with 0, goes on with one less, and says nothing to other methods", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ nodes, port }) => {
    const last = await ask(port, { method: "OPTIONS", headers: { "max-forwards": "0" } });
    expect([last.status, last.headers.allow, nodes[0]!.seen.length]).toEqual([
      200,
      "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, QUERY",
      0,
    ]);
    await ask(port, { method: "OPTIONS", headers: { "max-forwards": "3" } });
    await ask(port, { headers: { "max-forwards": "0" } });
    const told = nodes[0]!.seen.map(({ rawHeaders }) => rawHeaders[rawHeaders.indexOf("max-forwards") + 1]);
    expect(told).toEqual(["2", "0"]);
    const wrong = await ask(port, { method: "OPTIONS", headers: { "max-forwards": "-1" } });
    expect(wrong.status).toBe(400);
  });
});

test("a client that closes its sending half is taken for gone, and its node is free at once", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ nodes, port, status }) => {
    nodes[0]!.handler = () => undefined;
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const closed = new Promise((resolve) => socket.once("end", resolve));
    socket.resume();
    socket.end("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await closed;
    await until(() => status().requests.active === 0 && status().nodes[0]!.active === 0);
    socket.destroy();
    expect(status().requests).toMatchObject({ total: 1, failed: 0 });
  });
});
