/** Names of nodes: asked of a nameserver, kept for their time, and none of them in another's way. */
import { createSocket, type Socket } from "node:dgram";
import type { LookupAddress } from "node:dns";
import { expect, test } from "vitest";
import { parseGatewayConfig } from "#gateway/config.ts";
import { candidatesOf, readHosts, readSearch } from "#gateway/names/hosts-file.ts";
import { NameResolver } from "#gateway/names/name-resolver.ts";
import { ask, TOKEN, until, withStand } from "./stand.ts";

const TYPE_A = 1;
const NO_SUCH_NAME = 3;

type Answer = { readonly addresses: readonly string[]; readonly ttl: number } | "silent" | "absent";

/** Answers questions over UDP (RFC 1035 §4), of type A alone. */
class Nameserver {
  readonly answers = new Map<string, Answer>();
  readonly asked: string[] = [];
  readonly #socket: Socket = createSocket("udp4");

  async start(): Promise<string> {
    this.#socket.on("message", (message, from) => {
      const reply = this.#reply(message);
      if (reply !== undefined) this.#socket.send(reply, from.port, from.address);
    });
    await new Promise<void>((resolve) => this.#socket.bind(0, "127.0.0.1", resolve));
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  stop(): void {
    this.#socket.close();
  }

  #reply(message: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = 12;
    for (let length = message[at]!; length > 0; length = message[at]!) {
      labels.push(message.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join(".");
    const isA = message.readUInt16BE(at + 1) === TYPE_A;
    const question = message.subarray(12, at + 5);
    if (isA) this.asked.push(name);
    const answer = this.answers.get(name) ?? "absent";
    if (answer === "silent") return undefined;
    const records = answer === "absent" || !isA ? [] : answer.addresses.map((each) => recordOf(each, answer));
    const head = Buffer.from(message.subarray(0, 12));
    head.writeUInt16BE(0x8180 | (answer === "absent" ? NO_SUCH_NAME : 0), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    return Buffer.concat([head, question, ...records]);
  }
}

function recordOf(address: string, { ttl }: { readonly ttl: number }): Buffer {
  const record = Buffer.alloc(16);
  // The name of the question.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(TYPE_A, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttl, 6);
  record.writeUInt16BE(4, 10);
  record.set(address.split(".").map(Number), 12);
  return record;
}

interface Scene {
  readonly server: Nameserver;
  readonly resolver: NameResolver;
  nowMs: number;
}

async function withNameserver(work: (scene: Scene) => Promise<void>): Promise<void> {
  const server = new Nameserver();
  const servers = [await server.start()];
  const scene: Scene = {
    server,
    nowMs: 0,
    resolver: new NameResolver({ kind: "dns", servers, timeoutMs: 200 }, () => scene.nowMs),
  };
  try {
    await work(scene);
  } finally {
    scene.resolver.close();
    server.stop();
  }
}

function addressesOf({ resolver }: Scene, name: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    resolver.lookup(name, { all: true }, (error, addresses) => {
      if (error !== null) reject(error);
      else resolve((addresses as unknown as LookupAddress[]).map(({ address }) => address));
    });
  });
}

test("an answer is kept for its time; then it is asked again, and the old one serves meanwhile", async () => {
  await withNameserver(async (scene) => {
    scene.server.answers.set("a.test", { addresses: ["192.0.2.1", "192.0.2.2"], ttl: 30 });
    expect((await addressesOf(scene, "A.test")).toSorted()).toEqual(["192.0.2.1", "192.0.2.2"]);
    scene.nowMs = 29_999;
    await addressesOf(scene, "a.test");
    expect(scene.server.asked).toEqual(["a.test"]);
    scene.server.answers.set("a.test", { addresses: ["192.0.2.9"], ttl: 30 });
    scene.nowMs = 30_001;
    expect((await addressesOf(scene, "a.test")).length).toBe(2);
    await until(async () => (await addressesOf(scene, "a.test"))[0] === "192.0.2.9");
    expect(scene.server.asked).toEqual(["a.test", "a.test"]);
  });
});

test("a nameserver that is away takes no known name along", async () => {
  await withNameserver(async (scene) => {
    scene.server.answers.set("a.test", { addresses: ["192.0.2.1"], ttl: 1 });
    await addressesOf(scene, "a.test");
    scene.server.answers.set("a.test", "silent");
    for (scene.nowMs = 2_000; scene.nowMs < 60_000; scene.nowMs += 20_000) {
      expect(await addressesOf(scene, "a.test")).toEqual(["192.0.2.1"]);
    }
  });
});

test("names that nobody answers for hold up nobody", async () => {
  await withNameserver(async (scene) => {
    const dead = Array.from({ length: 20 }, (_, index) => `dead-${index}.test`);
    for (const name of dead) scene.server.answers.set(name, "silent");
    scene.server.answers.set("live.test", { addresses: ["192.0.2.1"], ttl: 30 });
    let given = 0;
    const failed = dead.map((name) => addressesOf(scene, name).catch(() => (given += 1)));
    await until(() => scene.server.asked.length >= dead.length);
    expect(await addressesOf(scene, "live.test")).toEqual(["192.0.2.1"]);
    expect(given).toBe(0);
    await Promise.all(failed);
    expect(given).toBe(20);
  });
});

test("a name that is not there is asked again, but not at once", async () => {
  await withNameserver(async (scene) => {
    await expect(addressesOf(scene, "new.test.")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(addressesOf(scene, "new.test.")).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(scene.server.asked.filter((name) => name === "new.test").length).toBe(1);
    scene.server.answers.set("new.test", { addresses: ["192.0.2.1"], ttl: 30 });
    scene.nowMs += 501;
    expect(await addressesOf(scene, "new.test.")).toEqual(["192.0.2.1"]);
  });
});

test("/etc/hosts comes first", async () => {
  await withNameserver(async (scene) => {
    expect(await addressesOf(scene, "localhost")).toContain("127.0.0.1");
    expect(scene.server.asked).toEqual([]);
  });
});

test("hosts and resolv.conf as texts", () => {
  const hosts = readHosts(
    "127.0.0.1 localhost # here\n\n::1\tlocalhost ip6\n192.0.2.1 Node-A a.b\nnonsense x\n",
  );
  expect(hosts.get("localhost")).toEqual(["127.0.0.1", "::1"]);
  expect([hosts.get("node-a"), hosts.get("x")]).toEqual([["192.0.2.1"], undefined]);
  const rules = readSearch(
    "nameserver 10.0.0.1\nsearch old\nsearch ns.svc.cluster.local. cluster.local\noptions edns0 ndots:2\n",
  );
  expect(candidatesOf("web", rules)).toEqual(["web.ns.svc.cluster.local", "web.cluster.local", "web"]);
  expect(candidatesOf("web.a.b", rules)).toEqual([
    "web.a.b",
    "web.a.b.ns.svc.cluster.local",
    "web.a.b.cluster.local",
  ]);
  expect(candidatesOf("web.", rules)).toEqual(["web"]);
  expect(candidatesOf("web", readSearch(""))).toEqual(["web"]);
});

test("requests and checks go where the name says; the operator makes it be asked anew", async () => {
  const server = new Nameserver();
  const servers = [await server.start()];
  await withStand({ sites: { ny1: 2 } }, async (stand) => {
    server.answers.set("node.test", { addresses: ["127.0.0.1"], ttl: 300 });
    const { port } = new URL(stand.nodes[0]!.url);
    const document = {
      sites: { ny1: 1 },
      document: {
        sites: [{ id: "ny1", nodes: [{ id: "named", url: `http://node.test:${port}` }] }],
        resolver: { servers },
        health: { profile: "demo", path: "/health/ready" },
      },
    };
    await withStand(document, async ({ gateway, port: gatewayPort, status }) => {
      await until(() => status().nodes[0]!.health === "healthy");
      expect((await ask(gatewayPort)).headers["x-edge-node"]).toBe("ny1-1");
      const cleared = await fetch(`${gateway.adminUrl}/api/v1/cache`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        body: "{}",
      });
      expect(await cleared.json()).toEqual({ cleared: { entries: 0, bytes: 0, names: 1 } });
    });
  });
  server.stop();
});

test.each([["example.com"], ["192.0.2.1:0"], ["192.0.2.1:99999"], ["2001:db8::1:"]])(
  "%s is no nameserver",
  (server) => {
    const parsed = parseGatewayConfig({
      sites: [{ id: "a", nodes: [{ id: "a-1", url: "http://127.0.0.1:1" }] }],
      resolver: { servers: [server] },
    });
    expect(parsed.ok ? [] : parsed.issues.map(({ path }) => path)).toEqual(["resolver.servers.0"]);
  },
);
