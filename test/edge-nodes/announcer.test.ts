import { Agent, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import type { NodeConfig } from "#core/wire/cast.ts";
import { PREFIX, Router, startNode, untilEvent, type Stand } from "./stand.ts";

interface Pair extends Stand {
  readonly router: Router;
}

async function pair(
  changes: Partial<NodeConfig> = {},
  routerOptions: Parameters<typeof Router.listen>[0] = {},
): Promise<Pair> {
  const router = await Router.listen(routerOptions);
  const stand = await startNode({ bgp: router.config(), ...changes });
  onTestFinished(async () => {
    stand.node.terminate();
    await stand.left;
    await router.close();
  });
  return { ...stand, router };
}

function answerTo(url: string, agent: Agent | false = false): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { agent }, resolve).on("error", reject));
}

test("the prefix is announced once the node's own readiness has answered, not before", async () => {
  const { router, events } = await pair();
  await router.log.until((line) => line === `+${PREFIX}`);
  expect(router.log.lines.slice(0, 2)).toEqual(["up", `+${PREFIX}`]);
  await untilEvent(events, "bgp.announced", { isGracefulShutdown: false });
  const kinds = events.lines.map((event) => event.kind);
  expect(kinds.indexOf("node.serving")).toBeLessThan(kinds.indexOf("bgp.announced"));
  expect(kinds.indexOf("bgp.session")).toBeLessThan(kinds.indexOf("bgp.announced"));
});

test("a node whose readiness never answers has a session and announces nothing", async () => {
  const router = await Router.listen();
  const stand = await startNode({ bgp: router.config() });
  stand.node.command({ do: "cut", what: "all" }); // Before the first answer of its own.
  await untilEvent(stand.events, "node.serving", { state: "unready" });
  // Leaving does not announce it either, not even to say goodbye.
  stand.node.terminate();
  await stand.left;
  expect(stand.events.lines.map((event) => event.kind)).not.toContain("bgp.announced");
  expect(router.log.lines.filter((line) => line.startsWith("+"))).toEqual([]);
  stand.node.command({ do: "restore" });
  await router.close();
});

test("a lost session comes back, and with it what was announced", async () => {
  const { router, events } = await pair();
  await router.log.until((line) => line === `+${PREFIX}`);
  const heard = router.log.lines.length;
  const seen = events.lines.length;
  router.reset();
  await untilEvent(events, "bgp.session", { state: "down" }, seen);
  await router.log.until((line) => line === `+${PREFIX}`, heard);
  await untilEvent(events, "bgp.announced", { isGracefulShutdown: false }, seen);
  expect(router.log.lines.slice(heard)).toEqual(["down: connection closed", "up", `+${PREFIX}`]);
});

test("a router that is not there yet is tried until it is", async () => {
  const router = await Router.listen();
  const config = router.config();
  await router.close();
  const stand = await startNode({ bgp: config });
  await untilEvent(stand.events, "node.serving", { state: "ready" });
  expect(stand.events.lines.some((event) => event.kind === "bgp.session")).toBe(false);
  stand.node.terminate();
  await stand.left; // And the search does not keep it from leaving.
});

test("a router that does not know the node refuses it; the node tries on and serves HTTP", async () => {
  const { router, url } = await pair({}, { knownAs: 64_999 });
  const refusal = "failed: AS 4200000011 is not the configured AS 64999";
  await router.log.until((line) => line === refusal);
  await router.log.until((line) => line === refusal, router.log.lines.length);
  expect(router.log.lines).not.toContain("up");
  expect((await answerTo(url)).statusCode).toBe(200);
});

test("SIGTERM: graceful shutdown first, then withdrawal when it is quiet, then Cease", async () => {
  const { router, events, node, left } = await pair({ drain: { quietMs: 60, maxMs: 5000 } });
  await router.log.until((line) => line === `+${PREFIX}`);
  const heard = router.log.lines.length;
  node.terminate();
  node.terminate();
  await left;
  await router.log.until((line) => line.startsWith("down"));
  expect(router.log.lines.slice(heard)).toEqual([
    `+${PREFIX} graceful`,
    `-${PREFIX}`,
    "down: peer sent NOTIFICATION 6/2",
  ]);
  const drained = events.lines.filter((event) => event.kind === "drain.finished");
  expect(drained.length).toBe(1);
  expect(drained[0]).toMatchObject({ requestsOpen: 0 });
});

test("while it drains, a node answers what comes, asks to close, and waits until it is quiet", async () => {
  const { router, events, node, url, port, left } = await pair({ drain: { quietMs: 150, maxMs: 10_000 } });
  await router.log.until((line) => line === `+${PREFIX}`);
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const before = await answerTo(`${url}/before`, agent);
  await text(before);
  expect(before.headers.connection).toBe("keep-alive");
  const idle = connect(port, "127.0.0.1");
  await new Promise((resolve) => idle.once("connect", resolve));

  node.terminate();
  await router.log.until((line) => line === `+${PREFIX} graceful`);
  const during = await answerTo(`${url}/during`, agent); // On the connection of before.
  expect(during.headers).toMatchObject({ connection: "close", "x-node-state": "draining" });
  expect(await text(during)).toContain("/during");
  const slow = await answerTo(`${url}/slow?ms=300`);
  expect(await text(slow)).toBe("slow\n");
  expect(router.log.lines).not.toContain(`-${PREFIX}`); // A request of 300 ms outlasts the quiet of 150.

  await left;
  expect(await text(idle)).toBe(""); // FIN, not a reset.
  const drained = await untilEvent(events, "drain.finished");
  expect(drained).toMatchObject({ requestsOpen: 0 });
  await expect(answerTo(url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a request that does not end holds a leaving node no longer than maxMs", async () => {
  const { events, node, url, left } = await pair({ drain: { quietMs: 20, maxMs: 100 } });
  await untilEvent(events, "node.serving", { state: "ready" });
  const slow = answerTo(`${url}/slow?ms=30000`);
  slow.catch(() => undefined); // Cut off at the end, which is the point.
  await answerTo(url); // The slow one was sent before it.
  node.terminate();
  await left;
  expect(await untilEvent(events, "drain.finished")).toMatchObject({ requestsOpen: 1 });
  await expect(slow).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("an operator's drain withdraws and stays up; undrain proves itself and announces anew", async () => {
  const { router, events, node, url } = await pair({ drain: { quietMs: 20, maxMs: 1000 } });
  await router.log.until((line) => line === `+${PREFIX}`);
  let heard = router.log.lines.length;
  node.command({ do: "drain" });
  await untilEvent(events, "drain.finished");
  await router.log.until((line) => line === `-${PREFIX}`);
  expect(router.log.lines.slice(heard)).toEqual([`+${PREFIX} graceful`, `-${PREFIX}`]);
  expect((await answerTo(`${url}/health`)).statusCode).toBe(503);
  expect((await answerTo(url)).statusCode).toBe(200);

  heard = router.log.lines.length;
  const seen = events.lines.length;
  node.command({ do: "undrain" });
  await router.log.until((line) => line === `+${PREFIX}`, heard);
  await untilEvent(events, "node.serving", { state: "starting" }, seen);
  await untilEvent(events, "node.serving", { state: "ready" }, seen);
  expect((await answerTo(`${url}/health`)).statusCode).toBe(200);
});

test("undrain in the middle of a drain calls it off", async () => {
  const { router, events, node } = await pair({ drain: { quietMs: 1500, maxMs: 10_000 } });
  await router.log.until((line) => line === `+${PREFIX}`);
  const heard = router.log.lines.length;
  node.command({ do: "drain" });
  await router.log.until((line) => line === `+${PREFIX} graceful`);
  node.command({ do: "undrain" });
  await router.log.until((line) => line === `+${PREFIX}`, heard + 1);
  expect(events.lines.some((event) => event.kind === "drain.finished")).toBe(false);
  expect(router.log.lines).not.toContain(`-${PREFIX}`);
  node.command({ do: "drain" }); // The end of the test need not wait for the quiet.
  node.command({ do: "undrain" });
});

test("undrain of a node that is not drained changes nothing", async () => {
  const { router, events, node } = await pair();
  await router.log.until((line) => line === `+${PREFIX}`);
  const seen = events.lines.length;
  node.command({ do: "undrain" });
  node.command({ do: "restore" });
  router.reset(); // Something that is heard, so that what is not heard is known to be absent.
  await untilEvent(events, "bgp.session", { state: "up" }, seen);
  expect(events.lines.slice(seen).some((event) => event.kind === "node.serving")).toBe(false);
});

test("a drained node that is told to leave says no second hello", async () => {
  const { router, events, node, left } = await pair({ drain: { quietMs: 10, maxMs: 1000 } });
  await router.log.until((line) => line === `+${PREFIX}`);
  node.command({ do: "drain" });
  await untilEvent(events, "drain.finished");
  await router.log.until((line) => line === `-${PREFIX}`);
  const heard = router.log.lines.length;
  node.command({ do: "stop" });
  await left;
  await router.log.until((line) => line.startsWith("down"));
  expect(router.log.lines.slice(heard)).toEqual(["down: peer sent NOTIFICATION 6/2"]);
});
