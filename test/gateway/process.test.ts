/** The gateway as a process of the cast, and what is left of it when it could not start. */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import { ask, FakeNode, HEALTH_PATH, startStand, until } from "./stand.ts";
import { freePort } from "../free-port.ts";

const CAST = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly events: ProcessEvent[];
  readonly log: () => string;
  readonly exited: Promise<number | null>;
}

function start(document: unknown): Running {
  const child = spawn(process.execPath, [CAST, "gateway"], { stdio: ["pipe", "pipe", "pipe"] });
  const events: ProcessEvent[] = [];
  let log = "";
  const reader = new NdjsonReader(
    (value) => events.push(value as ProcessEvent),
    (error) => {
      throw error;
    },
  );
  child.stdout.on("data", (chunk: Buffer) => reader.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.write(`${JSON.stringify({ process: "gateway", document, adminToken: "t" })}\n`);
  const exited = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)));
  return { child, events, log: () => log, exited };
}

async function withProcess(
  work: (running: Running, port: number, node: FakeNode) => Promise<void>,
): Promise<void> {
  const node = new FakeNode("a1-1", "a1");
  await node.listen();
  const port = await freePort();
  const running = start({
    listen: `127.0.0.1:${port}`,
    admin: "off",
    sites: [{ id: "a1", nodes: [{ id: node.id, url: node.url }] }],
    health: { path: HEALTH_PATH },
  });
  try {
    await until(() => running.events.some(({ kind }) => kind === "process.ready"));
    await work(running, port, node);
  } finally {
    running.child.kill("SIGKILL");
    await running.exited;
    await node.kill();
  }
}

for (const how of ["SIGTERM", "stop"] as const) {
  test(`${how}: what is open is finished, then exit 0`, async () => {
    await withProcess(async ({ child, exited }, port, node) => {
      let release = (): void => undefined;
      node.handler = (_request, response) => {
        release = () => node.answer(response);
      };
      const open = ask(port);
      await until(() => node.seen.length === 1);
      if (how === "stop") child.stdin!.write('{"do":"stop"}\n');
      else child.kill("SIGTERM");
      // A second order changes nothing.
      child.kill("SIGTERM");
      release();
      expect((await open).status).toBe(200);
      expect(await exited).toBe(0);
    });
  });
}

test("it reports requests in windows, and ends with the pipe of its lab", async () => {
  await withProcess(async ({ child, events, exited }, port) => {
    await ask(port);
    await until(() => events.some(({ kind }) => kind === "gateway.window"));
    const window = events.find(({ kind }) => kind === "gateway.window");
    expect(window).toMatchObject({ source: "gateway", requests: 1, failed: 0 });
    child.stdin!.end();
    expect(await exited).toBe(0);
  });
});

test("a wrong document ends it with 1, and every error is named", async () => {
  const { exited, log } = start({ sites: [], listn: "x" });
  expect(await exited).toBe(1);
  expect(log()).toContain("listn");
  expect(log()).toContain("sites");
});

test("a busy port is an error that names it, and nothing is left running", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as AddressInfo;
  const listen = await freePort();
  for (const document of [
    { listen: `127.0.0.1:${port}` },
    { listen: `127.0.0.1:${listen}`, admin: `127.0.0.1:${port}` },
  ]) {
    await expect(startStand({ document })).rejects.toMatchObject({
      code: "PORT_BUSY",
      message: expect.stringContaining(`127.0.0.1:${port}`) as string,
    });
  }
  // The client port that had been bound before the admin port failed is free again.
  await expect(ask(listen)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await new Promise((resolve) => holder.close(resolve));
});
