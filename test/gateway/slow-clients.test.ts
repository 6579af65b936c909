/** Clients that send or read next to nothing. */
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { ask, until, withStand, type Stand } from "./stand.ts";

const LIMITS = { bodyRateMin: 1_000, readRateMin: 1_000, rateGraceMs: 1_000 };
const ONE = { sites: { ny1: 1 }, document: { limits: LIMITS } };

async function turnedAway({ gateway }: Stand, reason: string): Promise<number> {
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

test("a body that dribbles is answered with 408, whether it is kept or streams; its node is free again", async () => {
  await withStand(ONE, async (stand) => {
    for (const length of [1_000, 1_000_000]) {
      const socket = connected(stand.port);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\nx`);
      await new Promise((resolve) => socket.once("close", resolve));
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
    }
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
    let finish: () => void = () => undefined;
    node!.handler = (_request, response) => void (finish = () => node!.answer(response));
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
