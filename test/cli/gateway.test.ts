import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer, get, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anycastle, LAUNCHER, LongRun, scratch } from "./run-cli.ts";

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

test("--zone says where it runs, whatever the file says; what is no zone is refused as an option", async () => {
  writeFileSync(
    join(dir, "zones.yaml"),
    `sites:
  - id: fra
    nodes: [{ id: fra-1, url: "http://127.0.0.1:1", zone: a }, { id: fra-2, url: "http://127.0.0.1:2", zone: b }]
balancer: { zone: { id: a } }
`,
  );
  const check = ["gateway", "-c", "zones.yaml", "--check"];
  const [own, other, none] = await Promise.all([
    anycastle(dir, ...check, "--zone", "b"),
    anycastle(dir, ...check, "--zone", "c"),
    anycastle(dir, ...check, "--zone", "Rack 7"),
  ]);
  expect([own.status, own.stderr]).toEqual([0, ""]);
  expect([other.status, other.stderr]).toEqual([0, expect.stringContaining("no node is in zone")]);
  expect([none.status, none.stderr]).toEqual([
    2,
    expect.stringContaining("option '--zone <id>' argument 'Rack 7' is invalid"),
  ]);
});

test("SIGHUP reads the file again; a bad one changes nothing; --check and --diff only tell", async () => {
  const file = join(dir, "reload.yaml");
  const text = (nodes: string, rest = ""): string => `listen: 127.0.0.1:0
admin: 127.0.0.1:0
sites:
  - id: fra
    nodes: [${nodes}]
${rest}`;
  const one = `{ id: fra-1, url: "http://127.0.0.1:${upstreamPort}" }`;
  writeFileSync(file, text(one));
  const gateway = new LongRun(dir, ["gateway", "-c", "reload.yaml"]);
  await gateway.said("/status and /metrics");
  const adminUrl = urlIn(gateway.stdout, "admin ");
  const nodes = async (): Promise<string[]> => {
    const status = (await (await fetch(`${adminUrl}/status`)).json()) as { nodes: { node: string }[] };
    return status.nodes.map(({ node }) => node);
  };

  writeFileSync(file, text(`${one}, { id: fra-2, url: "http://127.0.0.1:1" }`));
  const diff = await anycastle(
    dir,
    "gateway",
    "-c",
    "reload.yaml",
    "--diff",
    "--admin",
    new URL(adminUrl).host,
  );
  expect([diff.status, diff.stdout]).toEqual([0, expect.stringMatching(/^\+ sites\.fra\.nodes\.fra-2 /m)]);
  expect(await nodes()).toEqual(["fra-1"]);
  gateway.kill("SIGHUP");
  await gateway.said("new configuration in force, 1 changes");
  expect(await nodes()).toEqual(["fra-1", "fra-2"]);

  writeFileSync(file, text(one, "hedge: { floorMs: 200, capMs: 100 }\n"));
  gateway.kill("SIGHUP");
  await gateway.said("the one before stays in force: reload.yaml:6:");
  expect(await nodes()).toEqual(["fra-1", "fra-2"]);
  const bad = await anycastle(dir, "gateway", "-c", "reload.yaml", "--check");
  expect([bad.status, bad.stdout]).toEqual([2, ""]);

  gateway.kill("SIGTERM");
  expect(await gateway.ended).toEqual({ status: 143, signal: null });
  writeFileSync(file, text(one));
  const good = await anycastle(dir, "gateway", "-c", "reload.yaml", "--check");
  expect([good.status, good.stdout]).toEqual([0, "reload.yaml is good\n"]);
});

test("--watch reads the file again when another one is put in its place", async () => {
  const text = (weight: number): string => `listen: 127.0.0.1:0
admin: 127.0.0.1:0
sites: [{ id: fra, nodes: [{ id: fra-1, url: "http://127.0.0.1:${upstreamPort}", weight: ${weight} }] }]
`;
  writeFileSync(join(dir, "watched.yaml"), text(1));
  const gateway = new LongRun(dir, ["gateway", "-c", "watched.yaml", "--watch"]);
  await gateway.said("/status and /metrics");
  writeFileSync(join(dir, "watched.new"), text(2));
  renameSync(join(dir, "watched.new"), join(dir, "watched.yaml"));
  await gateway.said("new configuration in force, 1 changes");
  gateway.kill("SIGTERM");
  expect(await gateway.ended).toEqual({ status: 143, signal: null });
});

test("whoever reads its log may leave: it serves on, says so once, and counts what nobody reads", async () => {
  writeFileSync(
    join(dir, "logged.yaml"),
    `listen: 127.0.0.1:0
admin: 127.0.0.1:0
sites: [{ id: fra, nodes: [{ id: fra-1, url: "http://127.0.0.1:${upstreamPort}" }] }]
accessLog: { file: stdout, sampleSuccess: 1 }
`,
  );
  const gateway = new LongRun(dir, ["gateway", "-c", "logged.yaml"]);
  await gateway.said("/status and /metrics");
  const url = urlIn(gateway.stdout, "gateway  ");
  await fetch(url);
  await gateway.said('"event_type":"request"');
  gateway.child.stdout!.destroy();
  while (!gateway.stderr.includes("nobody reads it")) expect((await fetch(url)).status).toBe(200);
  expect((await fetch(url)).status).toBe(200);
  const metrics = await (await fetch(`${urlIn(gateway.stdout, "admin ")}/metrics`)).text();
  expect(metrics).toMatch(/anycastle_access_log_lines_total\{result="dropped"\} [1-9]/);
  gateway.kill("SIGTERM");
  expect(await gateway.ended).toEqual({ status: 143, signal: null });
  expect(gateway.stderr.split("nobody reads it").length).toBe(2);
});

test("SIGUSR2: a successor takes over the sockets and no request is lost; one that does not start changes nothing", async () => {
  const file = join(dir, "handed.yaml");
  const text = (weight: number): string => `listen: 127.0.0.1:0
admin: 127.0.0.1:0
sites: [{ id: fra, nodes: [{ id: fra-1, url: "http://127.0.0.1:${upstreamPort}", weight: ${weight} }] }]
health: { profile: demo, path: / }
`;
  writeFileSync(file, text(1));
  const first = new LongRun(dir, ["gateway", "-c", "handed.yaml"]);
  await first.said("fra-1 unproven -> healthy");
  const url = urlIn(first.stdout, "gateway  ");
  const adminUrl = urlIn(first.stdout, "admin ");

  writeFileSync(file, text(1).replace("health", "wealth"));
  first.kill("SIGUSR2");
  await first.said("there is no successor: it ended with 2; this one serves on");

  const statuses: number[] = [];
  const over = new AbortController();
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const pump = async (ownAgent: Agent | undefined): Promise<void> => {
    while (!over.signal.aborted) statuses.push(await statusOf(url, ownAgent));
  };
  const pumps = [...Array.from({ length: 4 }, () => pump(agent)), pump(undefined), pump(undefined)];
  const weightOf = async (): Promise<number> => {
    const status = (await (await fetch(`${adminUrl}/status`)).json()) as { nodes: { weight: number }[] };
    return status.nodes[0]!.weight;
  };
  writeFileSync(file, text(7));
  first.kill("SIGUSR2");
  await first.said("has taken over");
  const pid = Number(/successor (\d+) has taken over/.exec(first.stderr)![1]);
  try {
    const exited = once(first.child, "exit");
    expect(await exited).toEqual([0, null]);
    expect(await weightOf()).toBe(7);
    const before = statuses.length;
    while (statuses.length < before + 200) await new Promise((resolve) => setImmediate(resolve));
    over.abort();
    await Promise.all(pumps);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  } finally {
    over.abort();
    agent.destroy();
    process.kill(pid, "SIGTERM");
  }
  // Its output goes where its predecessor's went.
  await first.ended;
});

function statusOf(url: string, agent: Agent | undefined): Promise<number> {
  return new Promise((resolve) => {
    get(url, { agent: agent ?? false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    }).on("error", () => resolve(0));
  });
}

test("a socket that systemd holds is listened on in place of `listen`", async () => {
  const held = createTcpServer();
  await new Promise<void>((resolve) => held.listen(0, "127.0.0.1", resolve));
  const { port } = held.address() as AddressInfo;
  const { fd } = (held as unknown as { _handle: { fd: number } })._handle;
  // As systemd does: the descriptor is the process's fourth, and the process is the one that is named.
  const command = `LISTEN_PID=$$ LISTEN_FDS=1 exec "${process.execPath}" "${LAUNCHER}" gateway --admin off`;
  const child = spawn("sh", ["-c", command], { cwd: dir, stdio: ["ignore", "pipe", "pipe", fd] });
  try {
    let said = "";
    for await (const chunk of child.stdout!) {
      said += String(chunk);
      if (said.includes("\n")) break;
    }
    expect(said).toContain(`gateway  http://127.0.0.1:${port}`);
    // Only the one that serves may accept.
    held.close();
    expect(await statusOf(`http://127.0.0.1:${port}/`, undefined)).toBe(200);
  } finally {
    child.kill("SIGTERM");
  }
  expect(await once(child, "exit")).toEqual([143, null]);
});
