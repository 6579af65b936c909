import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anycastle, LongRun, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
const TOKEN = "a-token-of-more-than-16";
let upstream: Server;
let upstreamPort: number;
/** Ends the answer to `/slow`. */
let finishSlow: () => void = () => undefined;
let slowAsked: Promise<void>;

beforeAll(async () => {
  const asked = Promise.withResolvers<void>();
  slowAsked = asked.promise;
  upstream = createServer((request, response) => {
    if (request.url !== "/slow") return void response.end("from the node\n");
    finishSlow = () => response.end("slow\n");
    return asked.resolve();
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
  writeFileSync(join(dir, "token"), `${TOKEN}\n`);
  writeFileSync(
    join(dir, "anycastle.yaml"),
    `listen: 127.0.0.1:0
admin: 127.0.0.1:0
sites:
  - id: fra
    nodes: [{ id: fra-1, url: "http://127.0.0.1:${upstreamPort}" }]
health: { intervalMs: 20, timeoutMs: 20 }
`,
  );
});

afterAll(() => {
  upstream.close();
  upstream.closeAllConnections();
  remove();
});

function urlIn(text: string, before: string): string {
  return new RegExp(`${before}(http://[0-9.]+:[0-9]+)`).exec(text)?.[1] ?? "no url";
}

test("alone before an upstream: it says what it uses, serves, obeys its token, and finishes what is open", async () => {
  const gateway = new LongRun(dir, ["gateway", "--admin-token-file", "token"]);
  await gateway.said("/status and /metrics");
  expect(gateway.stdout).toContain("config anycastle.yaml");
  expect(gateway.stderr).toContain('anycastle.yaml:5:12  warning: sites.0.nodes: site "fra" has one node');
  const url = urlIn(gateway.stdout, "gateway  ");
  const adminUrl = urlIn(gateway.stdout, "admin ");
  await gateway.said("fra-1 unproven -> healthy");

  const answer = await fetch(`${url}/`);
  expect([answer.status, await answer.text()]).toEqual([200, "from the node\n"]);

  const drain = (token: string): Promise<Response> =>
    fetch(`${adminUrl}/nodes/fra-1/undrain`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: "{}",
    });
  expect((await drain("wrong")).status).toBe(401);
  expect((await drain(TOKEN)).status).toBe(200);

  const slow = fetch(`${url}/slow`);
  await slowAsked;
  gateway.kill("SIGINT");
  gateway.kill("SIGINT"); // As a terminal and npm both send it: still one Ctrl-C.
  await gateway.said("Ctrl-C again: now");
  finishSlow();
  expect(await (await slow).text()).toBe("slow\n");
  expect(await gateway.ended).toEqual({ status: 130, signal: null });
});

test("a busy port is told, with its holder, and nothing is left running", async () => {
  const { status, stderr } = await anycastle(dir, "gateway", "--listen", `127.0.0.1:${upstreamPort}`);
  expect(status).not.toBe(0);
  const holder = process.platform === "linux" ? `pid ${process.pid} (` : "another process";
  expect(stderr).toMatch(/^error: /m);
  expect(stderr).toContain(`cannot listen on 127.0.0.1:${upstreamPort}: ${holder}`);
});

test("an address that is none is refused as an option, not as a line of the file", async () => {
  const { status, stderr } = await anycastle(dir, "gateway", "--listen", "127.0.0.1:99999");
  expect(status).toBe(2);
  expect(stderr).toContain("option '--listen <host:port>' argument '127.0.0.1:99999' is invalid");
});
