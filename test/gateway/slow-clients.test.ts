/** Clients that send or read next to nothing. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { ClientConnection } from "#gateway/listener/client-connection.ts";
import { SlowClients } from "#gateway/listener/slow-clients.ts";
import { ask, holdBack, until, withGateway, withStand, type Stand } from "./stand.ts";

const LIMITS = { bodyRateMin: 1_000, readRateMin: 1_000, rateGraceMs: 1_000 };
const ONE = { sites: { ny1: 1 }, document: { limits: LIMITS } };

async function turnedAway({ gateway }: Pick<Stand, "gateway">, reason: string): Promise<number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return Number(
    new RegExp(`anycastle_admission_refused_total\\{reason="${reason}"\\} (\\d+)`).exec(text)?.[1],
  );
}

function connected(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  return socket;
}

// Each waits for the end of a grace, so they wait together.
describe.concurrent("sockets", () => {
  test("a body that dribbles is answered with 408, whether it is kept or streams; its node is free again", async () => {
    await withStand(ONE, async (stand) => {
      const dribble = async (length: number): Promise<void> => {
        const socket = connected(stand.port);
        let text = "";
        socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
        socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\nx`);
        await new Promise((resolve) => socket.once("close", resolve));
        expect(text).toMatch(/^HTTP\/1\.1 408 /);
      };
      await Promise.all([dribble(1_000), dribble(1_000_000)]);
      expect(await turnedAway(stand, "slow-body")).toBe(2);
      await until(() => stand.status().requests.active === 0 && stand.status().nodes[0]!.active === 0);
      expect((await ask(stand.port)).status).toBe(200);
    });
  });

  test("an answer that nobody reads is broken off", async () => {
    await withStand(ONE, async (stand) => {
      const [node] = stand.nodes;
      node!.handler = (_request, response) => response.end(Buffer.alloc(32 * 1024 * 1024));
      const socket = connected(stand.port);
      socket.pause();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(async () => (await turnedAway(stand, "slow-reader")) === 1);
      socket.resume();
      await closed;
      await until(() => stand.status().requests.active === 0);
      expect((await ask(stand.port, { path: "/health/ready" })).status).toBe(200);
    });
  });

  test("who waits for the node is not slow", async () => {
    await withStand(ONE, async (stand) => {
      const [node] = stand.nodes;
      const finish = holdBack(node!);
      const asked = ask(stand.port, { method: "POST", body: "x", headers: { "content-length": "1" } });
      await until(() => node!.seen.length === 1);
      const slow = connected(stand.port);
      slow.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nx");
      // One that came later is cut off first.
      await until(async () => (await turnedAway(stand, "slow-body")) === 1);
      finish();
      expect((await asked).status).toBe(200);
      expect(await turnedAway(stand, "slow-reader")).toBe(0);
    });
  });

  test("what dribbles on behind an answer that came early is cut off, too", async () => {
    const node = createServer((_request, response) => response.end("early"));
    await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
    const { port: at } = node.address() as AddressInfo;
    const sites = [{ id: "ny1", nodes: [{ id: "ny1-1", url: `http://127.0.0.1:${at}` }] }];
    await withGateway({ sites, limits: LIMITS }, async (gateway, port) => {
      const socket = connected(port);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nx");
      await closed;
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
      expect(await turnedAway({ gateway }, "slow-body")).toBe(1);
    });
    node.close();
    node.closeAllConnections();
  });
});

/** A connection whose kernel has accepted `written` of an answer, of which the client has acknowledged all but `held`. */
class Reader {
  held = 0;
  asked = 0;
  cutAtMs: number | undefined;
  readonly #socket = {
    _handle: { fd: 7 },
    bytesRead: 0,
    bytesWritten: 0,
    writableLength: 0,
    once: () => undefined,
  };
  readonly #slow = new SlowClients((descriptors) => {
    this.asked += 1;
    return new Map(descriptors.map((descriptor) => [descriptor, this.held]));
  });

  constructor() {
    const connection = { socket: this.#socket, reset: () => undefined } as unknown as ClientConnection;
    const response = { headersSent: true, writableNeedDrain: true };
    this.#slow.began(
      connection,
      { complete: true } as IncomingMessage,
      response as unknown as ServerResponse,
    );
  }

  set written(bytes: number) {
    this.#socket.bytesWritten = bytes;
  }

  /** Four looks a second; `each` before each of them. */
  look(seconds: number, each: (nowMs: number) => void): void {
    const pace = { bytesPerSecond: 100, graceMs: 10_000 };
    for (let nowMs = 0; nowMs <= seconds * 1_000; nowMs += 250) {
      each(nowMs);
      this.#slow.look(nowMs, { body: pace, read: pace }, () => (this.cutAtMs ??= nowMs));
    }
  }
}

test("who acknowledges keeps the pace, however long the kernel takes nothing; the kernel is asked twice a grace", () => {
  const reader = new Reader();
  reader.written = reader.held = 4_000_000;
  reader.look(100, () => (reader.held -= 25 * 2));
  expect([reader.cutAtMs, reader.asked <= 20]).toEqual([undefined, true]);
});

test("who acknowledges too little is cut a second after the grace at most", () => {
  for (const bytesPerLook of [0, 24]) {
    const reader = new Reader();
    reader.written = reader.held = 4_000_000;
    reader.look(100, () => (reader.held -= bytesPerLook));
    expect(reader.cutAtMs).toBeGreaterThanOrEqual(10_000);
    expect(reader.cutAtMs).toBeLessThanOrEqual(11_000);
  }
});

test("as long as the kernel takes what is written it is not asked", () => {
  const reader = new Reader();
  reader.look(100, (nowMs) => (reader.written = 400 * nowMs));
  expect([reader.cutAtMs, reader.asked]).toEqual([undefined, 0]);
});

test("bodies that stream leave a quarter of a node's connections to others, and give theirs back", async () => {
  const limits = { bodyRateMin: 0, nodeConnectionsMax: 4 };
  await withStand({ sites: { ny1: 1 }, document: { limits } }, async (stand) => {
    const dribble = (): { socket: Socket; text: () => string } => {
      const socket = connected(stand.port);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.write("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n");
      return { socket, text: () => text };
    };
    const held = [dribble(), dribble(), dribble()];
    await until(() => stand.status().nodes[0]!.active === 3);
    const more = dribble();
    await until(() => more.text() !== "");
    expect(more.text()).toMatch(/^HTTP\/1\.1 503 [^]*x-gateway-failure: no-node/i);
    // Neither a request without a body nor one whose body is kept is an upload.
    expect((await ask(stand.port, { path: "/" })).status).toBe(200);
    expect((await ask(stand.port, { method: "POST", body: "kept" })).status).toBe(200);
    held[0]!.socket.write("0\r\n\r\n");
    await until(() => held[0]!.text().includes("ny1-1\n"));
    const next = dribble();
    await until(() => stand.status().nodes[0]!.active === 3);
    held[1]!.socket.destroy();
    await until(() => stand.status().nodes[0]!.active === 2);
    const last = dribble();
    await until(() => stand.status().nodes[0]!.active === 3);
    for (const { socket } of [...held, more, next, last]) socket.destroy();
    await until(() => stand.status().requests.active === 0);
  });
});
