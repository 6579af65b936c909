/** A gateway that is to succeed another: it accepts nobody before nodes and routes are proven. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { parseGatewayConfig } from "#gateway/config.ts";
import { startGateway, type RunningGateway } from "#gateway/gateway.ts";
import { freePort } from "../free-port.ts";
import { FakeFeed } from "./fake-feed.ts";
import { ask, TOKEN, until } from "./stand.ts";

/** A node whose checks are counted, and fail until it is well. */
class CheckedNode {
  checks = 0;
  isWell = false;
  url = "";
  readonly #server: Server = createServer((_request, response) => {
    this.checks += 1;
    response.writeHead(this.isWell ? 200 : 500).end();
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

interface Succession {
  readonly port: number;
  readonly node: CheckedNode;
  readonly abort: (why: Error) => void;
  /** Undefined until it accepts. */
  readonly gateway: () => RunningGateway | undefined;
  readonly started: Promise<RunningGateway>;
}

async function withSuccession(
  document: Readonly<Record<string, unknown>>,
  work: (succession: Succession) => Promise<void>,
): Promise<void> {
  const node = new CheckedNode();
  await node.listen();
  const port = await freePort();
  const parsed = parseGatewayConfig({
    listen: `127.0.0.1:${port}`,
    admin: "off",
    sites: [{ id: "ny1", nodes: [{ id: "ny1-1", url: node.url }] }],
    health: { profile: "demo", path: "/" },
    ...document,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const controller = new AbortController();
  let gateway: RunningGateway | undefined;
  const started = startGateway(parsed.config, {
    events: { emit: () => undefined },
    adminToken: TOKEN,
    version: "0.0.0-test",
    prng: new Prng(1),
    succession: controller.signal,
  });
  started.then(
    (running) => (gateway = running),
    () => undefined,
  );
  try {
    const abort = (why: Error): void => controller.abort(why);
    await work({ port, node, abort, gateway: () => gateway, started });
  } finally {
    controller.abort(new Error("the test is over"));
    await gateway?.close();
    node.close();
  }
}

test("checks that fail are no proof, and one that passes is none yet: then it accepts", async () => {
  await withSuccession({}, async ({ gateway, node, port, started }) => {
    await until(() => node.checks >= 3);
    expect(gateway()).toBe(undefined);
    await expect(ask(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    node.isWell = true;
    const running = await started;
    expect(running.status().nodes.map(({ health }) => health)).toEqual(["healthy"]);
    expect((await ask(port)).status).toBe(200);
  });
});

test("a feed that has said nothing yet is waited for", async () => {
  const feed = new FakeFeed();
  feed.routes("default", ["ny1", 1]);
  feed.announced("ny1", "ny1-1");
  await feed.start();
  const { url } = feed;
  await feed.stop();
  await withSuccession({ catchment: { feed: url } }, async ({ gateway, node, port, started }) => {
    node.isWell = true;
    // Proven long since; more checks follow only then.
    await until(() => node.checks >= 4);
    expect(gateway()).toBe(undefined);
    await feed.start();
    await started;
    expect((await ask(port)).status).toBe(200);
    await feed.stop();
  });
});

test("who is not wanted any more does not begin", async () => {
  await withSuccession({}, async ({ abort, node, port, started }) => {
    await until(() => node.checks >= 1);
    abort(new Error("not wanted"));
    await expect(started).rejects.toThrow("not wanted");
    await expect(ask(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
