import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import type { NodeConfig, CastCommand } from "#core/wire/cast.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import { eventsOf, nodeConfig, PREFIX, Router, untilEvent, type Log } from "./stand.ts";
import { freePort } from "../free-port.ts";

const CAST = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));

interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly events: Log<ProcessEvent>;
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
  readonly url: string;
}

function spawnNode(config: NodeConfig): Child {
  const child = spawn(process.execPath, [CAST, "node"]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const exit = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal })),
  );
  child.stdin.write(`${JSON.stringify(config)}\n`);
  return { process: child, events: eventsOf(child.stdout), exit, url: `http://127.0.0.1:${config.httpPort}` };
}

function command(child: Child, order: CastCommand): void {
  child.process.stdin.write(`${JSON.stringify(order)}\n`);
}

async function startedNode(changes: Partial<NodeConfig> = {}): Promise<Child> {
  const child = spawnNode(nodeConfig({ httpPort: await freePort(), ...changes }));
  await untilEvent(child.events, "process.ready");
  return child;
}

test("SIGTERM to the process: it says goodbye and exits 0; SIGINT is the lab's affair", async () => {
  const router = await Router.listen();
  onTestFinished(() => router.close());
  const child = await startedNode({ bgp: router.config(), drain: { quietMs: 30, maxMs: 1000 } });
  await router.log.until((line) => line === `+${PREFIX}`);
  child.process.kill("SIGINT");
  const answer = await fetch(child.url);
  expect(answer.headers.get("x-edge-node")).toBe("ny1-1");
  await answer.text();
  child.process.kill("SIGTERM");
  expect(await child.exit).toEqual({ code: 0, signal: null });
  await router.log.until((line) => line.startsWith("down"));
  expect(router.log.lines.slice(2)).toEqual([
    `+${PREFIX} graceful`,
    `-${PREFIX}`,
    "down: peer sent NOTIFICATION 6/2",
  ]);
});

test("SIGKILL: the router learns it from the end of the session", async () => {
  const router = await Router.listen();
  onTestFinished(() => router.close());
  const child = await startedNode({ bgp: router.config() });
  await router.log.until((line) => line === `+${PREFIX}`);
  child.process.kill("SIGKILL");
  expect(await router.log.until((line) => line.startsWith("down"))).toBe("down: connection closed");
});

test("the end of the lab's pipe ends the process at once", async () => {
  const child = await startedNode();
  child.process.stdin.end();
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

test("commands come over standard input", async () => {
  const child = await startedNode({ drain: { quietMs: 0, maxMs: 0 } });
  await untilEvent(child.events, "node.serving", { state: "ready" });
  command(child, { do: "drain" });
  await untilEvent(child.events, "drain.finished");
  command(child, { do: "undrain" });
  await untilEvent(child.events, "node.serving", { state: "starting" });
  command(child, { do: "stop" });
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

test("a busy port ends the process with 1 and a sentence", async () => {
  const holder = await startedNode();
  const child = spawnNode(nodeConfig({ httpPort: Number(new URL(holder.url).port) }));
  const complaint = await text(child.process.stderr);
  expect(complaint).toContain("EADDRINUSE");
  expect(await child.exit).toEqual({ code: 1, signal: null });
});
