/** WebSocket through the gateway: real clients, nodes that accept, refuse, answer otherwise and die. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { WebSocket } from "undici";
import type { RunningGateway } from "#gateway/gateway.ts";
import { speak, until, withGateway } from "./stand.ts";

const dir = mkdtempSync(join(tmpdir(), "anycastle-tunnels-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const CLOSE = 0x8;

class EchoNode {
  readonly sockets = new Set<Socket>();
  readonly seen: IncomingMessage[] = [];
  conduct: "accepts" | "declines" | "resets" | "is silent" = "accepts";
  readonly #server: Server = createServer((_request, response) => response.writeHead(426).end("no\n"));
  #port = 0;

  constructor() {
    this.#server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
      this.seen.push(request);
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.sockets.delete(socket));
      if (this.conduct === "is silent") return;
      if (this.conduct === "resets") return void socket.resetAndDestroy();
      if (this.conduct === "declines")
        return void socket.end("HTTP/1.1 403 Forbidden\r\nx-own: 1\r\ncontent-length: 3\r\n\r\nno\n");
      const accept = createHash("sha1")
        .update(`${request.headers["sec-websocket-key"]}${GUID}`)
        .digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      );
      // Messages of a test are short and come one at a time.
      socket.on("data", (frame: Buffer) => {
        socket.write(echoOf(frame));
        if ((frame[0]! & 0x0f) === CLOSE) socket.end();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.#port}`;
  }

  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    for (const socket of this.sockets) socket.resetAndDestroy();
    await closed;
  }
}

function echoOf(frame: Buffer): Buffer {
  const mask = frame.subarray(2, 6);
  const payload = frame.subarray(6).map((byte, index) => byte ^ mask[index % 4]!);
  return Buffer.concat([Buffer.from([frame[0]!, payload.length]), payload]);
}

async function withNodes(
  count: number,
  document: object,
  work: (gateway: RunningGateway, nodes: readonly EchoNode[], port: number) => Promise<void>,
  places: readonly object[] = [],
): Promise<void> {
  const nodes = Array.from({ length: count }, () => new EchoNode());
  const urls = await Promise.all(nodes.map((node) => node.listen()));
  const whole = {
    sites: [{ id: "a", nodes: urls.map((url, index) => ({ id: `a-${index + 1}`, url, ...places[index] })) }],
    health: { kind: "tcp" },
    webSocket: { isEnabled: true },
    ...document,
  };
  try {
    await withGateway(whole, (gateway, port) => work(gateway, nodes, port));
  } finally {
    await Promise.all(nodes.map((node) => node.kill().catch(() => undefined)));
  }
}

function opened(port: number, path = "/"): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("error", () => reject(new Error("no tunnel")));
  });
}

function closing(socket: WebSocket): Promise<{ code: number; wasClean: boolean }> {
  return new Promise((resolve) =>
    socket.addEventListener("close", ({ code, wasClean }) => resolve({ code, wasClean })),
  );
}

function said(socket: WebSocket, text: string): Promise<unknown> {
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
    socket.send(text);
  });
}

test("messages go both ways, the path and fields as for any request, and the node counts it as in flight", async () => {
  await withNodes(1, {}, async (gateway, [node], port) => {
    const socket = await opened(port, "/room//7?a=%2F");
    expect(await said(socket, "hello")).toBe("hello");
    const { url, headers } = node!.seen[0]!;
    expect(url).toBe("/room//7?a=%2F");
    expect(headers).toMatchObject({
      via: "1.1 anycastle",
      "x-forwarded-proto": "http",
      upgrade: "websocket",
    });
    expect(gateway.status().nodes[0]!.active).toBe(1);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain("anycastle_tunnels_active 1");
    const closed = closing(socket);
    socket.close(1_000);
    expect(await closed).toEqual({ code: 1_000, wasClean: true });
    await until(() => gateway.status().requests.active === 0 && gateway.status().nodes[0]!.active === 0);
  });
});

test("a node that refuses the connection costs the client nothing", async () => {
  await withNodes(2, {}, async (_gateway, nodes, port) => {
    await nodes[0]!.kill();
    for (let count = 0; count < 3; count++) {
      const socket = await opened(port);
      expect(await said(socket, "x")).toBe("x");
      socket.close();
    }
    expect(nodes[1]!.seen.length).toBe(3);
  });
});

test("when its node dies a tunnel is closed at once with 1012", async () => {
  await withNodes(1, {}, async (gateway, [node], port) => {
    const socket = await opened(port);
    await said(socket, "x");
    const closed = closing(socket);
    await node!.kill();
    expect((await closed).code).toBe(1_012);
    await until(() => gateway.status().requests.active === 0);
  });
});

test("in the middle of a message no Close frame is put in: the connection ends", async () => {
  await withNodes(1, {}, async (_gateway, [node], port) => {
    const socket = await opened(port);
    await said(socket, "x");
    const closed = closing(socket);
    const [upstream] = node!.sockets;
    upstream!.write(Buffer.from([0x82, 100, 1, 2, 3]), () => void node!.kill());
    expect((await closed).code).toBe(1_006);
  });
});

test("a tunnel has a name for the node, and a line of the log, without its query, when it has ended", async () => {
  const file = join(dir, "tunnels.log");
  await withNodes(2, { accessLog: { file } }, async (_gateway, nodes, port) => {
    await nodes[0]!.kill();
    const headers = { "x-request-id": "talk-1" };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/talk?key=s3cret`, { headers });
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    expect(nodes[1]!.seen[0]!.headers["x-request-id"]).toBe("talk-1");
    expect(nodes[1]!.seen[0]!.url).toBe("/talk?key=s3cret");
    await said(socket, "hello");
    const closed = closing(socket);
    socket.close(1_000);
    await closed;
    (await opened(port)).close();
    await until(() => nodes[1]!.seen.length === 2);
    expect(nodes[1]!.seen[1]!.headers["x-request-id"]).toMatch(/^[\w-]{8}-1$/);
  });
  const [line] = readFileSync(file, "utf8").split("\n");
  expect(JSON.parse(line!)).toMatchObject({
    request_id: "talk-1",
    success: true,
    context: {
      path: "/talk",
      status: 101,
      outcome: "ok",
      bytes: 11,
      attempts: [
        { node: "a-1", outcome: "refused" },
        { node: "a-2", outcome: "answered" },
      ],
    },
  });
});

test("a gateway that stops says 1001", async () => {
  await withNodes(1, {}, async (gateway, _nodes, port) => {
    const socket = await opened(port);
    const closed = closing(socket);
    await gateway.drain();
    expect((await closed).code).toBe(1_001);
  });
});

test("a gateway that is closed at once does not wait for its tunnels", async () => {
  await withNodes(1, {}, async (gateway, _nodes, port) => {
    const socket = await opened(port);
    const closed = closing(socket);
    await gateway.close();
    expect((await closed).code).toBe(1_001);
  });
});

test("an answer other than 101 goes to the client as it is; with nobody there the client is told", async () => {
  const ask = "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
  await withNodes(1, {}, async (gateway, [node], port) => {
    node!.conduct = "declines";
    expect(await speak(port, ask)).toMatch(/^HTTP\/1\.1 403 [^]*x-own: 1\r\n[^]*\r\n\r\nno\n$/);
    node!.conduct = "resets";
    expect(await speak(port, ask)).toMatch(/^HTTP\/1\.1 502 [^]*x-gateway-failure: D; cause=reset\r\n/);
    expect(gateway.status().nodes[0]!.health).toBe("ejected");
    await node!.kill();
    expect(await speak(port, ask)).toMatch(/^HTTP\/1\.1 502 [^]*x-gateway-failure: A; cause=refused\r\n/);
    await until(() => gateway.status().requests.active === 0);
  });
});

test("a node that takes the handshake and says nothing is given up, and counts as silent", async () => {
  const ask = "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
  const document = { webSocket: { isEnabled: true, handshakeTimeoutMs: 50 } };
  await withNodes(1, document, async (gateway, [node], port) => {
    node!.conduct = "is silent";
    expect(await speak(port, ask)).toMatch(/^HTTP\/1\.1 504 [^]*x-gateway-failure: D; cause=timeout\r\n/);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/anycastle_upstream_attempts_total\{[^}]*outcome="timeout"[^}]*\} 1/);
    await until(() => gateway.status().nodes[0]!.active === 0);
  });
});

test("off, above the limit, in HTTP/1.0, for another protocol: no tunnel", async () => {
  const upgrade = (protocol: string, version = "1.1"): string =>
    `GET / HTTP/${version}\r\nhost: a\r\nconnection: Upgrade, close\r\nupgrade: ${protocol}\r\n\r\n`;
  await withNodes(1, { webSocket: { isEnabled: false } }, async (_gateway, _nodes, port) => {
    expect(await speak(port, upgrade("websocket"))).toMatch(/^HTTP\/1\.1 501 /);
  });
  await withNodes(1, { webSocket: { isEnabled: true, tunnelsMax: 1 } }, async (_gateway, nodes, port) => {
    const first = await opened(port);
    expect(await speak(port, upgrade("websocket"))).toMatch(/^HTTP\/1\.1 503 /);
    first.close();
    // Ignored, and forwarded as the GET it is: the node says that it wants an upgrade.
    expect(await speak(port, upgrade("h2c"))).toMatch(/^HTTP\/1\.1 426 /);
    expect(nodes[0]!.seen.every(({ headers }) => headers.upgrade === "websocket")).toBe(true);
  });
});

test("a client that resets in the middle of the handshake hurts nobody", async () => {
  await withNodes(1, {}, async (gateway, _nodes, port) => {
    for (let count = 0; count < 20; count++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
      socket.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
      socket.resetAndDestroy();
    }
    const socket = await opened(port);
    expect(await said(socket, "still here")).toBe("still here");
    socket.close();
    await until(() => gateway.status().requests.active === 0);
  });
});

test("http-proxy's web() is called nowhere", () => {
  const files = readdirSync(join(import.meta.dirname, "../../gateway"), {
    recursive: true,
    encoding: "utf8",
  });
  for (const name of files.filter((each) => each.endsWith(".ts"))) {
    expect(readFileSync(join(import.meta.dirname, "../../gateway", name), "utf8")).not.toMatch(/\.web\(/);
  }
});

test("a tunnel is for the subset of its path, and goes on from the gateway's zone to another one", async () => {
  const labels = { version: "v2" };
  const places = [{ zone: "a", labels }, { zone: "a", labels }, { zone: "b", labels }, { zone: "a" }];
  const document = {
    balancer: { zone: { id: "a" } },
    // Proven by one check, and not looked at again before the test is over.
    health: { kind: "tcp", intervalMs: 60_000, timeoutMs: 5_000, healthyThreshold: 1 },
    subsets: [{ id: "v2", labels }],
    paths: [{ id: "all", match: ["/**"], subset: "v2" }],
  };
  await withNodes(
    4,
    document,
    async (gateway, nodes, port) => {
      await until(() => gateway.status().nodes.every(({ health }) => health === "healthy"));
      const counts = (): number[] => nodes.map(({ seen }) => seen.length);
      for (let count = 0; count < 4; count++) (await opened(port)).close();
      expect(counts()).toEqual([2, 2, 0, 0]);
      await nodes[0]!.kill();
      await nodes[1]!.kill();
      (await opened(port)).close();
      expect(counts()).toEqual([2, 2, 1, 0]);
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      expect(metrics).toContain('anycastle_zone_crossed_total{zone="b"} 1');
      await nodes[2]!.kill();
      expect(await refusalOf(port)).toContain("x-gateway-failure: A; cause=refused; subset=v2");
      expect(nodes[3]!.seen).toHaveLength(0);
    },
    places,
  );
});

function refusalOf(port: number): Promise<string> {
  return speak(
    port,
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
}
