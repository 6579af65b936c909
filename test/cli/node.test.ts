import { createServer, type AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, expect, onTestFinished, test } from "vitest";
import type { ProcessEvent } from "#core/wire/events.ts";
import { simConfigOf, simSchema } from "#sim/serve/config.ts";
import { anycastle, LongRun, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

function started(...args: readonly string[]): LongRun {
  const run = new LongRun(dir, args);
  onTestFinished(() => run.kill("SIGKILL"));
  return run;
}

function found(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? `nothing like ${pattern} in: ${text}`;
}

/** A simulator with one router, whose port the kernel chooses. */
async function simulator(): Promise<{ run: LongRun; routerPort: string; url: string }> {
  writeFileSync(
    join(dir, "sim.yaml"),
    `listen: 127.0.0.1:0
seed: 7
routers:
  - site: ny1
    port: 0
    peers:
      - { node: edge-a, as: 4200000077, bgpId: 192.0.2.7 }
`,
  );
  const run = started("sim", "serve", "-c", "sim.yaml");
  await run.said("process.ready");
  expect(run.stdout).toContain("config sim.yaml");
  expect(run.stdout).toContain("seed 7");
  return {
    run,
    routerPort: found(run.stdout, /ny1 (\d+)/),
    url: found(run.stdout, /(http:\/\/127\.0\.0\.1:\d+)\/v1/),
  };
}

test("a node and a simulator that no lab started find each other, and part without a loss", async () => {
  const sim = await simulator();
  writeFileSync(
    join(dir, "node.yaml"),
    `id: edge-a
site: ny1
listen: 127.0.0.1:9001
drain: { quietMs: 30 }
bgp: { router: "127.0.0.1:${sim.routerPort}", localAs: 4200000077, nextHop: 192.0.2.7 }
`,
  );
  // The option wins over the file.
  const node = started("node", "-c", "node.yaml", "--listen", "127.0.0.1:0");
  await sim.run.said("ny1 announced (edge-a)");
  expect(node.stdout).toContain("config node.yaml");
  expect(node.stdout).toContain("BGP AS 4200000077, id 192.0.2.7, to AS 64500");
  const url = found(node.stdout, /(http:\/\/127\.0\.0\.1:\d+)/);
  expect(url).not.toContain(":9001");
  const answer = await fetch(`${url}/health/ready`);
  expect([answer.status, answer.headers.get("x-edge-route"), answer.headers.get("x-edge-node")]).toEqual([
    200,
    "ny1",
    "edge-a",
  ]);
  await answer.text();

  const status = (await (await fetch(`${sim.url}/v1/status`)).json()) as { sites: unknown };
  expect(status.sites).toMatchObject([{ site: "ny1", isAnnounced: true, announcedNodes: ["edge-a"] }]);

  node.kill("SIGTERM");
  expect(await node.ended).toEqual({ status: 143, signal: null });
  expect(node.stderr).toContain("bgp.announced node=edge-a isGracefulShutdown=true");
  expect(node.stderr).toContain("drained after");
  await sim.run.said("ny1 withdrawn: edge-a: withdrawn");
  sim.run.kill("SIGTERM");
  expect(await sim.run.ended).toEqual({ status: 143, signal: null });
});

test("--ndjson: standard output has events and nothing else", async () => {
  const node = started("node", "--id", "ams1-2", "--listen", "127.0.0.1:0", "--ndjson");
  await node.said('"state":"ready"');
  node.kill("SIGINT");
  expect((await node.ended).status).toBe(130);
  const events = node.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as ProcessEvent);
  // A busy machine makes the node stand still for a moment, which it tells too.
  const kinds = events.map(({ kind }) => kind).filter((kind) => kind !== "stall");
  expect(kinds).toEqual(["process.ready", "node.serving", "node.serving", "drain.finished"]);
  expect(new Set(events.map(({ source }) => source))).toEqual(new Set(["ams1-2"]));
});

test("the identity of a node of the default world follows from its id", async () => {
  const node = started("node", "--id", "ams1-2", "--listen", "127.0.0.1:0", "--bgp-router", "127.0.0.1:1");
  await node.said("BGP AS");
  expect(node.stdout).toContain(
    "BGP AS 4200000010, id 10.1.5.2, to AS 64500 at 127.0.0.1:1: 203.0.113.0/24 via 203.0.113.10",
  );
});

test("a simulator without a file has the routers that those nodes fit", () => {
  const { routers } = simConfigOf(simSchema.parse({}), 1);
  expect(routers.length).toBe(9);
  const ams1 = routers.find(({ site }) => site === "ams1");
  expect(ams1).toEqual({
    site: "ams1",
    port: 1795,
    as: 64_500,
    bgpId: "10.0.0.5",
    peers: [
      { node: "ams1-1", as: 4_200_000_009, bgpId: "10.1.5.1" },
      { node: "ams1-2", as: 4_200_000_010, bgpId: "10.1.5.2" },
    ],
  });
});

test.each([
  [["node"], "--id is missing"],
  [["node", "--id", "Bad_Id"], '--id "Bad_Id": the node is lower-case letters'],
  [
    ["node", "--id", "fra-1", "--bgp-router", "127.0.0.1:179"],
    "--bgp-as is missing; --bgp-next-hop is missing",
  ],
  [["node", "--id", "ny1-1", "--bgp-router", "127.0.0.1:0"], '--bgp-router "127.0.0.1:0": must be host:port'],
  [
    ["node", "--id", "ny1-1", "--bgp-router", "h:179", "--bgp-hold-time", "2"],
    "must be 0 (none) or at least 3",
  ],
  [["node", "--listen", "nowhere"], "option '--listen <host:port>' argument 'nowhere' is invalid"],
  [["sim", "serve", "--prefix", "203.0.113.0"], '--prefix "203.0.113.0": must be an IPv4 prefix'],
  [["sim", "serve", "--hold-time", "1"], "must be 0 (none) or at least 3"],
])("`%s` is told what is wrong, and ends with 2", async (args, complaint) => {
  const { status, stderr } = await anycastle(dir, ...args);
  expect(stderr).toContain(complaint);
  expect(stderr).toContain("--help");
  expect(status).toBe(2);
});

test("what is wrong in a file is told with its place, and a near word", async () => {
  writeFileSync(join(dir, "wrong.yaml"), "id: ny1-1\nbgp:\n  routr: 127.0.0.1:179\n  nextHop: 1.2.3\n");
  const { status, stderr } = await anycastle(dir, "node", "-c", "wrong.yaml");
  expect(status).toBe(2);
  expect(stderr).toContain('wrong.yaml:3:3  bgp.routr: unknown key "routr". Did you mean "router"?');
  expect(stderr).toContain("wrong.yaml:4:12  bgp.nextHop: must be an IPv4 address");
  expect(stderr).toContain("error: wrong.yaml has 2 errors");
});

test("routers that clash are refused at the later one", async () => {
  writeFileSync(
    join(dir, "clash.yaml"),
    `routers:
  - { site: ny1, port: 1, peers: [{ node: a, as: 1, bgpId: 1.1.1.1 }] }
  - { site: ny1, port: 1, peers: [{ node: b, as: 1, bgpId: 1.1.1.1 }, { node: c, as: 1, bgpId: 1.1.1.1 }] }
`,
  );
  const { status, stderr } = await anycastle(dir, "sim", "serve", "-c", "clash.yaml");
  expect(status).toBe(2);
  expect(stderr).toContain('clash.yaml:3:5  routers.1: site "ny1" has a router already');
  expect(stderr).toContain("port 1 is another router's already");
  expect(stderr).toContain('two peers of "ny1" have the same AS and BGP identifier');
});

test("a busy port is told with what to type instead, and nothing is left running", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void holder.close());
  const busy = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
  const node = await anycastle(dir, "node", "--id", "ny1-1", "--listen", busy);
  expect([node.status, node.stderr]).toEqual([2, expect.stringContaining("another with --listen")]);
  writeFileSync(
    join(dir, "busy.yaml"),
    "routers: [{ site: ny1, port: 0, peers: [{ node: a, as: 1, bgpId: 1.1.1.1 }] }]\n",
  );
  const sim = await anycastle(dir, "sim", "serve", "-c", "busy.yaml", "--listen", busy);
  expect([sim.status, sim.stderr]).toEqual([2, expect.stringContaining("another with --listen")]);
});

test("the feed may be asked under the address it was reached at, and under no other name", async () => {
  writeFileSync(
    join(dir, "wide.yaml"),
    "listen: 0.0.0.0:0\nrouters: [{ site: ny1, port: 0, peers: [{ node: a, as: 1, bgpId: 1.1.1.1 }] }]\n",
  );
  const sim = started("sim", "serve", "-c", "wide.yaml");
  await sim.said("process.ready");
  const port = found(sim.stdout, /http:\/\/0\.0\.0\.0:(\d+)/);
  const ask = (host: string): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) => {
      const target = { host: "127.0.0.2", port, path: "/v1/status", agent: false, headers: { host } };
      get(target, (response) => {
        void text(response).then((body) => resolve([response.statusCode, body]), reject);
      }).on("error", reject);
    });
  expect((await ask(`127.0.0.2:${port}`))[0]).toBe(200);
  expect(await ask(`127.0.0.3:${port}`)).toEqual([421, expect.stringContaining("HOST_REFUSED")]);
  expect((await ask(`rebound.example:${port}`))[0]).toBe(421);
  expect((await ask("127.0.0.2:1"))[0]).toBe(421);
});
