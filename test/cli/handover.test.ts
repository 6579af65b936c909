/** A gateway and its successor: what becomes of requests when one of them fails, is stopped, or is slow to end. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, createServer, get, type RequestListener, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { LongRun, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
const servers: Server[] = [];

afterAll(() => {
  for (const server of servers) server.close().closeAllConnections();
  remove();
});

async function node(handler: RequestListener): Promise<number> {
  const server = createServer({ keepAliveTimeout: 60_000 }, handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function configure(name: string, port: number): void {
  writeFileSync(
    join(dir, name),
    `listen: 127.0.0.1:0
admin: 127.0.0.1:0
sites: [{ id: fra, nodes: [{ id: fra-1, url: "http://127.0.0.1:${port}" }] }]
health: { profile: demo, path: /health }
hedge: { isEnabled: false }
retry: { perTryTimeoutMs: 60000 }
`,
  );
}

async function running(name: string): Promise<{ gateway: LongRun; url: string; adminUrl: string }> {
  const gateway = new LongRun(dir, ["gateway", "-c", name]);
  await gateway.said("fra-1 unproven -> healthy");
  const found = (what: string): string =>
    new RegExp(`${what}(http://[0-9.]+:[0-9]+)`).exec(gateway.stdout)?.[1] ?? "no url";
  return { gateway, url: found("gateway  "), adminUrl: found("admin ") };
}

async function successorOf(gateway: LongRun): Promise<number> {
  gateway.kill("SIGUSR2");
  await gateway.said("starting a successor, pid ");
  return Number(/starting a successor, pid (\d+)/.exec(gateway.stderr)![1]);
}

/** A node that says `ok` at once, but for `/slow` only when it is told to `finish`; `reached`: somebody has asked for that. */
async function slowNode(): Promise<{ port: number; reached: Promise<void>; finish: () => void }> {
  const reached = Promise.withResolvers<void>();
  let finish = (): void => undefined;
  const port = await node((request, response) => {
    if (request.url !== "/slow") return void response.end("ok");
    finish = () => void response.end("slow");
    return reached.resolve();
  });
  return { port, reached: reached.promise, finish: () => finish() };
}

/** A node that never answers: a successor that has it is never ready. `checked`: somebody has asked it. */
async function silentNode(): Promise<{ port: number; checked: Promise<void> }> {
  const { promise: checked, resolve } = Promise.withResolvers<void>();
  return { port: await node(() => resolve()), checked };
}

function asked(url: string, agent?: Agent): Promise<number | string> {
  return new Promise((resolve) => {
    get(url, { agent: agent ?? false }, (response) => {
      response.resume();
      response.on("error", () => resolve("broken"));
      response.on("end", () => resolve(response.statusCode ?? 0));
    }).on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
  });
}

test("a successor whose nodes fail their checks takes over nothing, and no request with it when it is killed", async () => {
  const enough = Promise.withResolvers<void>();
  let checks = 0;
  const good = await node((_request, response) => response.end("ok"));
  const bad = await node((_request, response) => {
    checks += 1;
    if (checks === 5) enough.resolve();
    response.writeHead(500).end();
  });
  configure("bad.yaml", good);
  const { gateway, url } = await running("bad.yaml");
  const statuses: (number | string)[] = [];
  const over = new AbortController();
  const agent = new Agent({ keepAlive: true });
  const pump = async (own?: Agent): Promise<void> => {
    while (!over.signal.aborted) statuses.push(await asked(url, own));
  };
  const pumps = [pump(), pump(), pump(agent), pump(agent)];
  configure("bad.yaml", bad);
  const pid = await successorOf(gateway);
  await enough.promise;
  process.kill(pid, "SIGKILL");
  await gateway.said("there is no successor: it ended with SIGKILL; this one serves on");
  over.abort();
  await Promise.all(pumps);
  agent.destroy();
  expect(gateway.stderr).not.toContain("has taken over");
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  // Nothing but its checks: it accepted nobody.
  expect(await asked(url)).toBe(200);
  gateway.kill("SIGTERM");
  await gateway.ended;
});

test("who is stopped while a successor starts ends alone, and finishes what is open", async () => {
  const good = await slowNode();
  const silent = await silentNode();
  configure("stop.yaml", good.port);
  const { gateway, url } = await running("stop.yaml");
  const slow = asked(`${url}/slow`);
  await good.reached;
  configure("stop.yaml", silent.port);
  await successorOf(gateway);
  await silent.checked;
  gateway.kill("SIGTERM");
  await gateway.said("there is no successor: this one was told to stop");
  good.finish();
  expect(await slow).toBe(200);
  expect(await gateway.ended).toEqual({ status: 143, signal: null });
  // `ended` waits for the pipes, which the successor had too: it has gone.
  expect(await asked(url)).toBe("ECONNREFUSED");
});

test("a successor whose predecessor is killed before it is ready ends, too", async () => {
  const good = await node((_request, response) => response.end("ok"));
  const silent = await silentNode();
  configure("orphan.yaml", good);
  const { gateway } = await running("orphan.yaml");
  configure("orphan.yaml", silent.port);
  await successorOf(gateway);
  await silent.checked;
  gateway.kill("SIGKILL");
  // It waits for the pipes, which the successor had too: it has gone.
  await gateway.ended;
  expect(gateway.stderr).toContain("error: the gateway that it was to succeed has gone");
});

test("behind the take-over `/ready` stays, and an idle connection is served once more and told", async () => {
  const good = await slowNode();
  configure("ready.yaml", good.port);
  const { gateway, url, adminUrl } = await running("ready.yaml");
  const slow = asked(`${url}/slow`);
  await good.reached;
  const { port } = new URL(url);
  const idle = connect(Number(port), "127.0.0.1");
  let heard = "";
  idle.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  const line = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  idle.write(line);
  await once(idle, "data");
  const kept = new Agent({ keepAlive: true });
  expect(await asked(`${adminUrl}/ready`, kept)).toBe(200);
  const pid = await successorOf(gateway);
  try {
    await gateway.said("has taken over");
    const answers = [];
    for (let count = 0; count < 50; count++) {
      answers.push(await asked(`${adminUrl}/ready`), await asked(`${adminUrl}/ready`, kept));
    }
    expect(answers.filter((status) => status !== 200)).toEqual([]);
    const before = heard.length;
    idle.write(line);
    await once(idle, "close");
    expect(heard.slice(before)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n/i);
    good.finish();
    expect(await slow).toBe(200);
    expect(await once(gateway.child, "exit")).toEqual([0, null]);
    expect(await asked(url)).toBe(200);
  } finally {
    kept.destroy();
    process.kill(pid, "SIGTERM");
  }
  await gateway.ended;
});
