/** A proxy with real sockets: what passes, what each toxic does to the peers, what is left when it goes. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nowMs } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import type { ToxicStream, ToxicView } from "#core/wire/relay.ts";
import { HELD_BYTES_MAX } from "#lab/relay/link.ts";
import { parseAddress } from "#lab/relay/address.ts";
import { Proxy } from "#lab/relay/proxy.ts";
import { TOXICS } from "#lab/relay/toxics/registry.ts";
import { freePort } from "../../free-port.ts";

let upstream: Server;
let upstreamPort: number;
/** What the upstream does with each connection it gets. */
let serve: (socket: Socket) => void;
let accepted: Socket[];
let proxy: Proxy;
const sockets: Socket[] = [];
const turnedAway: string[] = [];

beforeEach(async () => {
  serve = (socket) => socket.pipe(socket);
  accepted = [];
  upstream = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => undefined);
    accepted.push(socket);
    serve(socket);
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  upstreamPort = (upstream.address() as AddressInfo).port;
  proxy = await startProxy(upstreamPort);
});

afterEach(async () => {
  await proxy.stop();
  for (const socket of [...accepted, ...sockets.splice(0)]) socket.destroy();
  await new Promise((resolve) => upstream.close(resolve));
});

async function startProxy(port: number): Promise<Proxy> {
  const events = { onTurnedAway: (name: string, why: string) => turnedAway.push(`${name}: ${why}`) };
  const made = new Proxy(
    { name: "p", listen: "127.0.0.1:0", upstream: `127.0.0.1:${port}` },
    new Prng(1).fork("p"),
    events,
  );
  await made.start();
  return made;
}

/** A client whose every byte and whose end are kept. */
class Client {
  readonly socket: Socket;
  text = "";
  /** How its stream ended; `ECONNRESET` where it was reset. */
  end: string | undefined;
  readonly #news: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    sockets.push(this.socket);
    this.socket.on("data", (bytes: Buffer) => this.#hear(() => (this.text += bytes.toString("latin1"))));
    this.socket.on("end", () => this.#hear(() => (this.end ??= "end")));
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.#hear(() => (this.end = error.code!)));
  }

  #hear(note: () => void): void {
    note();
    for (const tell of this.#news.splice(0)) tell();
  }

  async until(isIt: (client: this) => boolean): Promise<this> {
    while (!isIt(this)) await new Promise<void>((resolve) => this.#news.push(resolve));
    return this;
  }

  untilText(text: string): Promise<this> {
    return this.until((client) => client.text.length >= text.length);
  }

  untilEnd(): Promise<this> {
    return this.until((client) => client.end !== undefined);
  }
}

function client(): Client {
  return new Client(parseAddress(proxy.view().listen).port);
}

function toxic(
  type: string,
  attributes: Record<string, number> = {},
  stream: ToxicStream = "downstream",
  toxicity = 1,
): ToxicView {
  expect(TOXICS.has(type)).toBe(true);
  return { name: `${type}_${stream}`, type, stream, toxicity, attributes };
}

async function upstreamSocket(count = 1): Promise<Socket> {
  while (accepted.length < count) await once(upstream, "connection");
  return accepted[count - 1]!;
}

test("bytes pass both ways, and are counted as they pass", async () => {
  const one = client();
  one.socket.write("hello");
  await one.untilText("hello");
  expect(one.text).toBe("hello");
  expect(proxy.counts).toEqual({ upstream: { received: 5, sent: 5 }, downstream: { received: 5, sent: 5 } });
});

test("half-close: the upstream sees the client's end and may answer for as long as it likes", async () => {
  serve = (socket) => {
    let text = "";
    socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
    socket.on("end", () => socket.write(`got ${text}`, () => socket.end(", bye")));
  };
  const one = client();
  one.socket.end("question");
  await one.untilEnd();
  expect(one).toMatchObject({ text: "got question, bye", end: "end" });
});

test("a peer that resets resets the other one", async () => {
  const one = client();
  one.socket.write("a");
  await one.untilText("a");
  (await upstreamSocket()).resetAndDestroy();
  expect((await one.untilEnd()).end).toBe("ECONNRESET");
  const two = client();
  two.socket.write("b");
  await two.untilText("b");
  const behind = await upstreamSocket(2);
  const ended = once(behind, "error");
  two.socket.resetAndDestroy();
  expect((await ended)[0]).toMatchObject({ code: "ECONNRESET" });
});

test("an upstream that refuses resets the client", async () => {
  await proxy.stop();
  proxy = await startProxy(await freePort());
  expect((await client().untilEnd()).end).toBe("ECONNRESET");
});

test("a client that does not read slows the sender down: the relay holds no more than its bound", async () => {
  const big = Buffer.alloc(64 * 1024, "x");
  const total = 512 * big.length;
  let written = 0;
  serve = (socket) => {
    const fill = (): void => {
      while (written < total) {
        written += big.length;
        if (!socket.write(big)) return;
      }
      socket.end();
    };
    socket.on("drain", fill);
    fill();
  };
  const one = client();
  one.socket.pause();
  await upstreamSocket();
  // Every buffer on the way fills, the relay's last; then its source is left unread.
  const held = (): number => proxy.counts.downstream.received - proxy.counts.downstream.sent;
  while (held() < HELD_BYTES_MAX) await new Promise((resolve) => setImmediate(resolve));
  expect(held()).toBeLessThanOrEqual(HELD_BYTES_MAX + big.length);
  expect(proxy.counts.downstream.received).toBeLessThan(total);
  one.socket.resume();
  await one.untilEnd();
  expect(one.text).toHaveLength(total);
});

test("latency on live connections: delayed from the moment it is there, and at once again when it has gone", async () => {
  const one = client();
  one.socket.write("a");
  await one.untilText("a");
  proxy.addToxic(toxic("latency", { latency: 150 }));
  const startMs = nowMs();
  one.socket.write("b");
  await one.untilText("ab");
  expect(nowMs() - startMs).toBeGreaterThanOrEqual(150);
  proxy.updateToxic(toxic("latency", { latency: 1e9 }));
  one.socket.write("c");
  await once(await upstreamSocket(), "data");
  proxy.removeToxic(toxic("latency"));
  expect((await one.untilText("abc")).text).toBe("abc");
});

test("bandwidth: no byte is early", async () => {
  proxy.addToxic(toxic("bandwidth", { rate: 100 }));
  const one = client();
  const startMs = nowMs();
  one.socket.write(Buffer.alloc(20_000, "x"));
  await one.until(({ text }) => text.length === 20_000);
  expect(nowMs() - startMs).toBeGreaterThanOrEqual(200 - 20);
});

test("slow_close: the end is late, bytes are not", async () => {
  serve = (socket) => socket.end("bye");
  proxy.addToxic(toxic("slow_close", { delay: 1e9 }));
  const one = await client().untilText("bye");
  expect(one.end).toBeUndefined();
  proxy.removeToxic(toxic("slow_close"));
  expect((await one.untilEnd()).end).toBe("end");
});

test("timeout: silence, then the connection is closed; removal closes too", async () => {
  proxy.addToxic(toxic("timeout", { timeout: 80 }));
  const one = client();
  one.socket.write("a");
  await one.untilEnd();
  expect(one.text).toBe("");
  proxy.updateToxic(toxic("timeout", { timeout: 0 }));
  const two = client();
  two.socket.write("b");
  await once(await upstreamSocket(2), "data");
  expect(two.end).toBeUndefined();
  proxy.removeToxic(toxic("timeout"));
  await two.untilEnd();
  expect(two.text).toBe("");
});

test("reset_peer: both sides get an RST, also on a connection that was open before", async () => {
  const one = client();
  one.socket.write("a");
  await one.untilText("a");
  const behind = await upstreamSocket();
  const ended = once(behind, "error");
  proxy.addToxic(toxic("reset_peer", { timeout: 0 }));
  one.socket.write("b");
  expect((await one.untilEnd()).end).toBe("ECONNRESET");
  expect((await ended)[0]).toMatchObject({ code: "ECONNRESET" });
});

test("slicer: the same bytes in many pieces", async () => {
  proxy.addToxic(toxic("slicer", { average_size: 10, size_variation: 2, delay: 1_000 }));
  const one = client();
  let pieces = 0;
  one.socket.on("data", () => (pieces += 1));
  const text = "0123456789".repeat(20);
  one.socket.write(text);
  await one.untilText(text);
  expect(one.text).toBe(text);
  expect(pieces).toBeGreaterThan(3);
});

test("limit_data: so many bytes for each connection, then it is closed", async () => {
  proxy.addToxic(toxic("limit_data", { bytes: 3 }));
  for (let count = 0; count < 2; count++) {
    const one = client();
    one.socket.write("abcdef");
    await one.untilEnd();
    expect(one.text).toBe("abc");
  }
});

test("corrupt: as many bytes, one of them another", async () => {
  proxy.addToxic(toxic("corrupt", { interval: 10 }));
  const one = client();
  one.socket.write("0123456789");
  await one.untilText("0123456789");
  const differing = Array.from(one.text).filter((byte, at) => byte !== "0123456789"[at]);
  expect(differing).toHaveLength(1);
});

test("blackhole one way: the node gets the request, its answer waits, and arrives when the partition heals", async () => {
  proxy.addToxic(toxic("blackhole"));
  const one = client();
  one.socket.write("a");
  const [heard] = (await once(await upstreamSocket(), "data")) as [Buffer];
  expect(heard.toString()).toBe("a");
  expect(one.text).toBe("");
  proxy.removeToxic(toxic("blackhole"));
  await one.untilText("a");
  one.socket.write("b");
  expect((await one.untilText("ab")).text).toBe("ab");
});

test("blackhole the other way: a client that has gone is not missed by the node before the partition heals", async () => {
  proxy.addToxic(toxic("blackhole", {}, "upstream"));
  const one = client();
  const behind = await upstreamSocket();
  one.socket.write("a");
  one.socket.end();
  // The relay has the client's end for sure when the way back has brought something after it.
  behind.write("x");
  await one.untilText("x");
  expect(proxy.counts.upstream.sent).toBe(0);
  const ended = once(behind, "end");
  proxy.removeToxic(toxic("blackhole", {}, "upstream"));
  await ended;
  expect(proxy.counts.upstream.sent).toBe(1);
});

test("connection_loss: the node is never dialled; the client hears nothing, or an RST", async () => {
  const before = client();
  before.socket.write("a");
  await before.untilText("a");
  proxy.addToxic(toxic("connection_loss", { timeout: 0 }));
  const silent = client();
  silent.socket.write("b");
  await once(silent.socket, "connect");
  before.socket.write("c");
  expect((await before.untilText("ac")).text).toBe("ac");
  expect(silent.end).toBeUndefined();
  proxy.removeToxic(toxic("connection_loss"));
  expect((await silent.untilEnd()).end).toBe("ECONNRESET");
  proxy.addToxic(toxic("connection_loss", { timeout: 1 }));
  expect((await client().untilEnd()).end).toBe("ECONNRESET");
  expect(accepted).toHaveLength(1);
});

test("toxicity: the share of connections is decided by the seed", async () => {
  serve = (socket) => socket.end("ok");
  proxy.addToxic(toxic("connection_loss", { timeout: 1 }, "downstream", 0.5));
  const ends: (string | undefined)[] = [];
  for (let count = 0; count < 40; count++) ends.push((await client().untilEnd()).end);
  const lost = ends.filter((end) => end === "ECONNRESET").length;
  expect(lost).toBeGreaterThan(8);
  expect(lost).toBeLessThan(32);
  await proxy.stop();
  proxy = await startProxy(upstreamPort);
  proxy.addToxic(toxic("connection_loss", { timeout: 1 }, "downstream", 0.5));
  const again: (string | undefined)[] = [];
  for (let count = 0; count < 40; count++) again.push((await client().untilEnd()).end);
  expect(again).toEqual(ends);
});

test("more connections than the bound are turned away, and said", async () => {
  // In small steps: a queue of connections that overflows would leave some that the relay never hears of.
  for (let count = 0; count < 1_024; count += 128) {
    const some = Array.from({ length: 128 }, () => client());
    for (const { socket } of some) socket.write("a");
    await Promise.all(some.map((one) => one.untilText("a")));
  }
  expect((await client().untilEnd()).end).toBe("ECONNRESET");
  expect(turnedAway).toEqual(["p: 1024 connections are open already"]);
});

test("stopped, it lets go of the node too, whatever a toxic still holds", async () => {
  const one = client();
  one.socket.write("a");
  await one.untilText("a");
  const behind = await upstreamSocket();
  const gone = once(behind, "close");
  proxy.addToxic(toxic("blackhole", {}, "upstream"));
  await proxy.stop();
  await gone;
  expect(proxy.view().enabled).toBe(false);
});

test("stopped: open connections are closed and new ones refused; started again, it listens on the same port", async () => {
  const one = client();
  one.socket.write("a");
  await one.untilText("a");
  const { listen } = proxy.view();
  await proxy.stop();
  await one.untilEnd();
  expect((await new Client(parseAddress(listen).port).untilEnd()).end).toBe("ECONNREFUSED");
  await proxy.start();
  expect(proxy.view()).toMatchObject({ listen, enabled: true });
});
