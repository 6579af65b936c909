/** What the network decides: catchments from a live feed, lost and found again, and the bare network without rescue. */
import { Agent } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { FakeFeed } from "./fake-feed.ts";
import { ask, hang, reset, until, withStand, type Answer, type Stand } from "./stand.ts";

const SITES = { ny1: 2, la1: 2 };

async function withFeed(
  mode: "anycast" | "anycast-only",
  work: (stand: Stand, feed: FakeFeed) => Promise<void>,
): Promise<void> {
  const feed = new FakeFeed();
  feed.routes("new-york", ["ny1", 6], ["la1", 69]);
  feed.routes("los-angeles", ["la1", 3], ["ny1", 69]);
  feed.announced("ny1", "ny1-1", "ny1-2");
  feed.announced("la1", "la1-1", "la1-2");
  await feed.start();
  const document = {
    routing: { mode, vantages: ["new-york", "los-angeles"] },
    catchment: { feed: feed.url },
  };
  try {
    await withStand({ sites: SITES, document }, async (stand) => {
      await until(() => stand.status().feed === "live");
      await work(stand, feed);
    });
  } finally {
    await feed.stop();
  }
}

function from(port: number, vantage: string, agent?: Agent): Promise<Answer> {
  return ask(port, { headers: { host: `${vantage}.localhost` }, ...(agent === undefined ? {} : { agent }) });
}

async function siteOf(port: number, vantage: string): Promise<unknown> {
  return (await from(port, vantage)).headers["x-edge-route"];
}

test("the Host names the vantage, the feed its sites", async () => {
  await withFeed("anycast", async ({ port }) => {
    expect(await siteOf(port, "new-york")).toBe("ny1");
    expect(await siteOf(port, "los-angeles")).toBe("la1");
    // An unknown name is the default vantage, the first one.
    expect(await siteOf(port, "atlantis")).toBe("ny1");
  });
});

test("a changed catchment holds for the next request; an unreachable vantage gets 503", async () => {
  await withFeed("anycast", async ({ port, status }, feed) => {
    feed.routes("new-york", ["la1", 69]);
    for (;;) if ((await siteOf(port, "new-york")) === "la1") break;
    feed.routes("new-york");
    let answer = await from(port, "new-york");
    while (answer.status === 200) answer = await from(port, "new-york");
    expect([answer.status, answer.headers["x-gateway-failure"]]).toEqual([503, "unreachable"]);
    expect(await siteOf(port, "los-angeles")).toBe("la1");
    expect(status().requests.failed).toBe(1);
  });
});

test("a lost feed fails nothing: the last routes stay, and the status says stale", async () => {
  await withFeed("anycast", async ({ events, port, status }, feed) => {
    await feed.stop();
    await until(() => status().feed === "stale");
    expect(await siteOf(port, "new-york")).toBe("ny1");
    expect(await siteOf(port, "los-angeles")).toBe("la1");
    await feed.start();
    await until(() => status().feed === "live");
    expect(
      events.filter(({ kind }) => kind === "gateway.feed").map((event) => "state" in event && event.state),
    ).toEqual(["live", "stale", "live"]);
  });
});

test("a restarted simulator that knows nothing yet moves nobody: its answer holds once it has settled", async () => {
  await withFeed("anycast", async ({ port, status }, feed) => {
    for (let count = 0; count < 20; count++) feed.routes("new-york", ["ny1", 6], ["la1", 69]);
    await feed.stop();
    await until(() => status().feed === "stale");
    feed.forget();
    feed.routes("new-york");
    feed.routes("los-angeles");
    const readers = feed.readers;
    await feed.start();
    await until(() => feed.readers > readers);
    // Empty, at a lower revision: not believed.
    expect(await siteOf(port, "new-york")).toBe("ny1");
    expect(status().feed).toBe("stale");
    feed.announced("la1", "la1-1", "la1-2");
    feed.routes("new-york", ["la1", 69]);
    feed.routes("los-angeles", ["la1", 3]);
    expect(await siteOf(port, "new-york")).toBe("ny1");
    await until(() => status().feed === "live");
    expect(await siteOf(port, "new-york")).toBe("la1");
  });
});

test("a restarted simulator is known by its instance, though its revisions have overtaken the old ones", async () => {
  await withFeed("anycast", async ({ port, status }, feed) => {
    await feed.stop();
    await until(() => status().feed === "stale");
    feed.forget();
    feed.routes("los-angeles", ["la1", 3]);
    for (let count = 0; count < 100; count++) feed.routes("new-york");
    const readers = feed.readers;
    await feed.start();
    await until(() => feed.readers > readers);
    expect(await siteOf(port, "new-york")).toBe("ny1");
    expect(status().feed).toBe("stale");
    feed.routes("new-york", ["la1", 69]);
    await until(() => status().feed === "live");
    expect(await siteOf(port, "new-york")).toBe("la1");
  });
});

test("while its AS has no route a vantage reaches nothing on the bare network, and is rescued with a gateway", async () => {
  await withFeed("anycast-only", async ({ port, status }, feed) => {
    feed.unreachable("new-york");
    // The line is under way; what the connection reaches before it comes is not judged.
    await until(() => status().feed === "live");
    for (;;) {
      const outcome = await from(port, "new-york").catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome).toMatchObject({ code: "ECONNRESET" });
        break;
      }
    }
    expect(await siteOf(port, "los-angeles")).toBe("la1");
    feed.routes("new-york", ["la1", 69]);
    for (;;) {
      const answer = await from(port, "new-york").catch(() => undefined);
      if (answer === undefined) continue;
      expect(answer.headers["x-edge-route"]).toBe("la1");
      break;
    }
  });
  await withFeed("anycast", async ({ port, status }, feed) => {
    feed.unreachable("new-york");
    feed.routes("los-angeles", ["ny1", 69]);
    for (;;) if ((await siteOf(port, "los-angeles")) === "ny1") break;
    // The later line has come, so the earlier has.
    expect(await siteOf(port, "new-york")).toBe("ny1");
    expect(status().requests.failed).toBe(0);
  });
});

test("the bare network: a connection leads to one node for its whole life, different ones to different nodes", async () => {
  await withFeed("anycast-only", async ({ port }) => {
    const nodes = new Set<unknown>();
    for (let count = 0; count < 16; count++) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const own = new Set<unknown>();
      for (let again = 0; again < 3; again++)
        own.add((await from(port, "new-york", agent)).headers["x-edge-node"]);
      expect(own.size).toBe(1);
      for (const node of own) nodes.add(node);
      agent.destroy();
    }
    expect(nodes).toEqual(new Set(["ny1-1", "ny1-2"]));
  });
});

test("the bare network: no retry, no hedge, no ejection; a dead node is a reset connection", async () => {
  await withFeed("anycast-only", async ({ events, node, nodes, port, status }) => {
    for (const each of nodes) each.handler = reset;
    for (let count = 0; count < 4; count++) {
      await expect(from(port, "new-york")).rejects.toMatchObject({ code: "ECONNRESET" });
    }
    expect(status().requests).toMatchObject({ failed: 4, retries: 0, hedges: 0, resets: 0 });
    await node("ny1-1").kill();
    await node("ny1-2").kill();
    await expect(from(port, "new-york")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(events.filter(({ kind }) => kind === "gateway.node")).toEqual([]);
    expect(status().nodes.every(({ lastCheck }) => lastCheck === null)).toBe(true);
  });
});

test("the bare network: when the site of a vantage changes, its connections are reset and counted, busy and idle", async () => {
  await withFeed("anycast-only", async ({ nodes, port, status }, feed) => {
    const idle = connect(port, "127.0.0.1");
    let idleError: unknown;
    idle.on("error", (error) => (idleError = error));
    let answered = false;
    idle.on("data", () => (answered = true));
    idle.write("GET / HTTP/1.1\r\nHost: new-york.localhost\r\n\r\n");
    await until(() => answered);
    const other = new Agent({ keepAlive: true, maxSockets: 1 });
    await from(port, "los-angeles", other);
    for (const node of nodes) if (node.site === "ny1") node.handler = hang;
    const before = nodes.reduce((sum, { seen }) => sum + seen.length, 0);
    const busy = from(port, "new-york").catch((error: unknown) => error);
    await until(() => nodes.reduce((sum, { seen }) => sum + seen.length, 0) > before);
    feed.routes("new-york", ["la1", 69]);
    expect(await busy).toMatchObject({ code: "ECONNRESET" });
    await until(() => idleError !== undefined);
    expect(idleError).toMatchObject({ code: "ECONNRESET" });
    expect(status().requests).toMatchObject({ resets: 2, failed: 1, active: 0 });
    expect(await siteOf(port, "new-york")).toBe("la1");
    // Los Angeles was not touched: the same connection goes on.
    expect((await from(port, "los-angeles", other)).headers["x-edge-route"]).toBe("la1");
    other.destroy();
  });
});

test("the bare network: a vantage that reaches no site has its connection reset", async () => {
  await withFeed("anycast-only", async ({ port, status }, feed) => {
    feed.routes("new-york");
    await expect(
      (async () => {
        for (;;) await from(port, "new-york");
      })(),
    ).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(status().requests.failed).toBe(1);
  });
});
