/** Many connections while toxics come, change and go: what may not be dropped is not, and nothing is left when all is over. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { TOXIC_STREAMS, type ToxicView } from "#core/wire/relay.ts";
import { parseAddress } from "#lab/relay/address.ts";
import { Proxy } from "#lab/relay/proxy.ts";

const CONNECTIONS = 60;
const CHUNKS = 40;
const TURNS = 300;
const SEEDS = [1, 2, 3];

/** None of these drops data when it is removed; their settings are drawn so that a run is short. */
const KINDS: Readonly<Record<string, (prng: Prng) => Record<string, number>>> = {
  latency: (prng) => ({ latency: prng.integer(0, 20), jitter: prng.integer(0, 10) }),
  bandwidth: (prng) => ({ rate: prng.integer(50, 1_000) }),
  slicer: (prng) => ({
    average_size: prng.integer(1, 2_000),
    size_variation: prng.integer(0, 100),
    delay: 10,
  }),
  slow_close: (prng) => ({ delay: prng.integer(0, 20) }),
  blackhole: () => ({}),
  noop: () => ({}),
};

test.for(SEEDS)("seed %i: every byte comes back in order, and every connection ends", async (seed) => {
  const prng = new Prng(seed);
  const behind = new Set<Socket>();
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    behind.add(socket);
    socket.once("close", () => behind.delete(socket));
    socket.on("error", () => undefined);
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(echo, "listening");
  const { port } = echo.address() as AddressInfo;
  const proxy = new Proxy(
    { name: "p", listen: "127.0.0.1:0", upstream: `127.0.0.1:${port}` },
    prng.fork("p"),
    {
      onTurnedAway: () => undefined,
    },
  );
  await proxy.start();
  const door = parseAddress(proxy.view().listen).port;

  const clients = Array.from({ length: CONNECTIONS }, (_, index) => talk(door, prng.fork(`client/${index}`)));
  const storm = prng.fork("storm");
  for (let turn = 0; turn < TURNS; turn++) {
    stir(proxy, storm);
    // So that bytes pass between two changes.
    await new Promise((resolve) => setImmediate(resolve));
  }
  proxy.removeAllToxics();
  for (const { sent, heard } of await Promise.all(clients)) expect(heard).toBe(sent);
  while (behind.size > 0) await new Promise((resolve) => setImmediate(resolve));
  const { upstream, downstream } = proxy.counts;
  expect([upstream.sent, downstream.sent]).toEqual([upstream.received, downstream.received]);
  await proxy.stop();
  echo.close();
});

function stir(proxy: Proxy, prng: Prng): void {
  const type = Object.keys(KINDS)[prng.integer(0, Object.keys(KINDS).length - 1)]!;
  const stream = TOXIC_STREAMS[prng.integer(0, 1)]!;
  const toxic: ToxicView = {
    name: `${type}_${stream}`,
    type,
    stream,
    toxicity: prng.integer(0, 4) / 4,
    attributes: KINDS[type]!(prng),
  };
  if (proxy.findToxic(toxic.name) === undefined) proxy.addToxic(toxic);
  else if (prng.chance(1, 2)) proxy.updateToxic(toxic);
  else proxy.removeToxic(toxic);
}

async function talk(port: number, prng: Prng): Promise<{ sent: string; heard: string }> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let sent = "";
  let heard = "";
  socket.setEncoding("latin1").on("data", (text: string) => (heard += text));
  const ended = once(socket, "end");
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const text = String.fromCharCode(prng.integer(97, 122)).repeat(prng.integer(1, 3_000));
    sent += text;
    if (!socket.write(text)) await once(socket, "drain");
    if (prng.chance(1, 4)) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  await ended;
  return { sent, heard };
}
