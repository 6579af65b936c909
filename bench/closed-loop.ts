/**
 * A load for where wrk is not installed: connections that each ask again as soon as they are answered. Prints one JSON
 * line `{requests, failed, p50Us, p99Us}`. `node bench/closed-loop.ts PORT CONNECTIONS SECONDS`.
 */
import { connect, type Socket } from "node:net";
import { after, nowNs } from "#core/host/clock.ts";

const REQUEST = "GET / HTTP/1.1\r\nhost: bench\r\n\r\n";
const HEAD_END = "\r\n\r\n";
/** Latencies from 0 to 100 ms in steps of 10 µs; what is longer counts as the last. */
const BIN_US = 10;
const BIN_COUNT = 10_000;

const [port, connectionCount, seconds] = process.argv.slice(2).map(Number);
const bins = new Uint32Array(BIN_COUNT);
let requests = 0;
let failed = 0;
let isOver = false;

for (let index = 0; index < connectionCount!; index++) open();
after(seconds! * 1000, () => {
  isOver = true;
  const line = { requests, failed, p50Us: quantileUs(0.5), p99Us: quantileUs(0.99) };
  process.stdout.write(`${JSON.stringify(line)}\n`, () => process.exit(0));
});

function open(): void {
  const socket: Socket = connect({ port: port!, host: "127.0.0.1", noDelay: true });
  let held = "";
  let askedNs = 0;
  const ask = (): void => {
    askedNs = nowNs();
    socket.write(REQUEST);
  };
  socket.once("connect", ask);
  socket.on("error", () => undefined);
  socket.on("close", () => {
    if (isOver) return;
    failed += 1;
    open();
  });
  socket.on("data", (chunk: Buffer) => {
    held += chunk.toString("latin1");
    if (!isWhole(held)) return;
    if (!held.startsWith("HTTP/1.1 200")) failed += 1;
    held = "";
    requests += 1;
    const us = (nowNs() - askedNs) / 1000;
    bins[Math.min(BIN_COUNT - 1, Math.floor(us / BIN_US))]! += 1;
    ask();
  });
}

/** Bodies of known length and chunked ones that end in an empty chunk. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  if (length === undefined) return text.endsWith("0\r\n\r\n");
  return text.length >= headEnd + HEAD_END.length + Number(length);
}

function quantileUs(share: number): number {
  let left = requests * share;
  for (const [index, count] of bins.entries()) {
    left -= count;
    if (left <= 0) return (index + 1) * BIN_US;
  }
  return BIN_COUNT * BIN_US;
}
