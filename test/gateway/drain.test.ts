/** A gateway that is told to stop: clients learn it by their answers, and none loses one. */
import { Agent } from "node:http";
import { expect, test } from "vitest";
import { ask, hang, speak, until, withStand } from "./stand.ts";

test("a drained gateway says close, finishes what is open, and then is gone", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ gateway, node, port }) => {
    let release = (): void => undefined;
    node("ny1-1").handler = (_request, response) => {
      release = () => node("ny1-1").answer(response);
    };
    const agent = new Agent({ keepAlive: true });
    const open = ask(port, { agent });
    await until(() => node("ny1-1").seen.length === 1);
    const drained = gateway.drain();
    release();
    const answer = await open;
    expect([answer.status, answer.headers.connection]).toEqual([200, "close"]);
    await drained;
    agent.destroy();
    await expect(ask(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

test("a drain does not wait for ever", async () => {
  await withStand({ document: { limits: { drainTimeoutMs: 50 } } }, async ({ gateway, nodes, port }) => {
    for (const node of nodes) node.handler = hang;
    const open = ask(port).catch((error: unknown) => error);
    await until(() => nodes.some(({ seen }) => seen.length === 1));
    await gateway.drain();
    expect(await open).toMatchObject({ code: "ECONNRESET" });
  });
});

test("a stop loses nobody who asks on: neither on connections that were idle, nor on fresh ones", async () => {
  await withStand({}, async ({ gateway, port }) => {
    const agents = Array.from({ length: 5 }, () => new Agent({ keepAlive: true }));
    for (const agent of agents) await ask(port, { agent });
    const drained = gateway.drain();
    for (const agent of agents) {
      const onIdle = await ask(port, { agent });
      expect([onIdle.status, onIdle.headers.connection]).toEqual([200, "close"]);
      for (let count = 0; count < 5; count++) expect((await ask(port)).status).toBe(200);
    }
    await drained;
    await expect(ask(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

test("what is turned away says close, too, and new tunnels are refused", async () => {
  const document = {
    webSocket: { isEnabled: true },
    admission: { rateLimit: { requestsPerSecond: 1, burst: 1 } },
  };
  await withStand({ document }, async ({ gateway, port }) => {
    await ask(port);
    const drained = gateway.drain();
    const agent = new Agent({ keepAlive: true });
    const { status, headers } = await ask(port, { agent });
    expect([status, headers.connection]).toEqual([429, "close"]);
    agent.destroy();
    await drained;
  });
  await withStand({ document: { webSocket: { isEnabled: true } } }, async ({ gateway, port }) => {
    const drained = gateway.drain();
    const upgrade = "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    expect(await speak(port, upgrade)).toMatch(/^HTTP\/1\.1 503 [^]*x-gateway-failure: stopping\r\n/);
    await drained;
  });
});

test("a configuration that comes too late is refused", async () => {
  await withStand({}, async ({ gateway, events, config }) => {
    const drained = gateway.drain();
    const refused = { isApplied: false, reason: "the gateway is stopping" };
    expect(gateway.reload(config)).toMatchObject(refused);
    await drained;
    expect(gateway.reload(config)).toMatchObject(refused);
    expect(events).toContainEqual(expect.objectContaining({ kind: "gateway.reload", ...refused }));
  });
});
