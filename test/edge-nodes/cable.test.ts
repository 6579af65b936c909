import { Agent, get, request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { Router, startNode, untilEvent, type Stand } from "./stand.ts";

/** Several turns of what loopback and both event loops take; a node that answered at all would have by then. */
const SILENCE_MS = 150;

async function ready(...args: Parameters<typeof startNode>): Promise<Stand> {
  const stand = await startNode(...args);
  await untilEvent(stand.events, "node.serving", { state: "ready" });
  onTestFinished(async () => {
    stand.node.command({ do: "restore" });
    stand.node.terminate();
    await stand.left;
  });
  return stand;
}

function answerTo(url: string, agent: Agent | false = false): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { agent }, resolve).on("error", reject));
}

async function isSilent(...answers: readonly Promise<unknown>[]): Promise<boolean> {
  const silence = new Promise((resolve) => setTimeout(resolve, SILENCE_MS, "silence"));
  return (await Promise.race([silence, ...answers])) === "silence";
}

test("behind a cut cable nothing is answered on old and new connections; restored, everything is", async () => {
  // Its own checks would make the node unready meanwhile: not what is asked here.
  const { node, url } = await ready({}, { intervalMs: 1000, timeoutMs: 10_000, failuresMax: 3 });
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const first = await answerTo(`${url}/before`, agent);
  await text(first);
  node.command({ do: "cut", what: "all" });
  const old = answerTo(`${url}/old`, agent);
  const fresh = answerTo(`${url}/fresh`);
  expect(await isSilent(old, fresh)).toBe(true);
  node.command({ do: "restore" });
  expect(await text(await old)).toContain("/old");
  expect(await text(await fresh)).toContain("/fresh");
});

test("a body under way stops at the cut and goes on whole after it", async () => {
  const { node, url } = await ready();
  const size = 50_000_000;
  const response = await answerTo(`${url}/bytes?size=${size}`);
  let bytes = 0;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  response.on("data", (chunk: Buffer) => {
    if (bytes === 0) node.command({ do: "cut", what: "all" });
    bytes += chunk.length;
  });
  response.on("end", resolve);
  expect(await isSilent(ended)).toBe(true);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(size);
  node.command({ do: "restore" });
  await ended;
  expect(bytes).toBe(size);
});

test("what was asked behind the cut by a client that has gone since is not executed", async () => {
  const { node, url, port } = await ready({ thinkTimeMs: 20 });
  node.command({ do: "cut", what: "all" });
  const socket: Socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve) => {
    socket.write("POST /a HTTP/1.1\r\nhost: x\r\nx-request-id: gone\r\ncontent-length: 0\r\n\r\n", () =>
      resolve(),
    );
  });
  socket.destroy();
  node.command({ do: "restore" });
  await text(await answerTo(`${url}/later`));
  const report: unknown = JSON.parse(await text(await answerTo(`${url}/executions`)));
  expect(report).toEqual({ keys: {}, forgotten: 0 });
});

test("a cut BGP cable silences BGP alone: the hold time of the router runs out while HTTP answers", async () => {
  const router = await Router.listen({ holdTimeS: 3 });
  onTestFinished(() => router.close());
  const { node, url } = await ready({ bgp: router.config() });
  await router.log.until((line) => line === "+203.0.113.0/24");
  node.command({ do: "cut", what: "bgp" });
  expect((await answerTo(url)).statusCode).toBe(200);
  await router.log.until((line) => line === "down: hold timer expired");
  expect((await answerTo(`${url}/health/ready`)).statusCode).toBe(200);
  const from = router.log.lines.length;
  node.command({ do: "restore" });
  await router.log.until((line) => line === "+203.0.113.0/24", from);
});

test("a node that stays cut off is unready for itself, and announces again only when it answers", async () => {
  const router = await Router.listen();
  onTestFinished(() => router.close());
  const { node, events } = await ready({ bgp: router.config() });
  await router.log.until((line) => line === "+203.0.113.0/24");
  const from = events.lines.length;
  node.command({ do: "cut", what: "all" });
  await untilEvent(events, "node.serving", { state: "unready" }, from);
  await untilEvent(events, "bgp.withdrawn", { reason: "own check timed out" }, from);
  expect(router.log.lines).not.toContain("-203.0.113.0/24"); // It could not be heard.
  const heard = router.log.lines.length;
  node.command({ do: "restore" });
  await untilEvent(events, "node.serving", { state: "ready" }, from);
  await router.log.until((line) => line === "+203.0.113.0/24", heard);
  expect(router.log.lines.slice(heard, heard + 2)).toEqual(["-203.0.113.0/24", "+203.0.113.0/24"]);
});

test("checks do not pile up behind a cut", async () => {
  const { node, url, events } = await ready({}, { intervalMs: 5, timeoutMs: 40, failuresMax: 3 });
  node.command({ do: "cut", what: "all" });
  await untilEvent(events, "node.serving", { state: "unready" });
  node.command({ do: "restore" });
  await untilEvent(events, "node.serving", { state: "ready" }, 2);
  expect((await answerTo(`${url}/health`)).statusCode).toBe(200);
});

test("no connection is opened through a cut cable", async () => {
  const router = await Router.listen();
  onTestFinished(() => router.close());
  const { node, events } = await ready({ bgp: router.config() });
  await router.log.until((line) => line === "+203.0.113.0/24");
  node.command({ do: "cut", what: "bgp" });
  const from = router.log.lines.length;
  router.reset();
  await untilEvent(events, "bgp.session", { state: "down" });
  const sockets = new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
  await sockets;
  expect(router.connectionCount).toBe(0);
  node.command({ do: "restore" });
  await router.log.until((line) => line === "+203.0.113.0/24", from);
});

test("a POST that is sent into a cut is executed once when the client waits it out", async () => {
  const { node, url } = await ready({}, { intervalMs: 1000, timeoutMs: 10_000, failuresMax: 3 });
  node.command({ do: "cut", what: "all" });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { "idempotency-key": "once" };
  request(`${url}/echo`, { method: "POST", agent: false, headers }, resolve).on("error", reject).end("body");
  node.command({ do: "restore" });
  expect(await text(await promise)).toBe("body");
  const report: unknown = JSON.parse(await text(await answerTo(`${url}/executions`)));
  expect(report).toEqual({ keys: { once: 1 }, forgotten: 0 });
});
