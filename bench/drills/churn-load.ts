/**
 * The load of `drill:churn`: connections that each ask again as soon as they are answered. Closed loop is right here, since
 * requests are counted and not timed. Told by lines on standard input: `run` asks, `rest` lets what is open end and closes every
 * connection. Prints a line of JSON every 100 ms, with all counts since the start.
 *
 * `node bench/drills/churn-load.ts PORT CONNECTIONS`. Of twenty requests one is a POST with a key, of ten one is the last on its
 * connection, and of a hundred one is left by its client before it is answered, which counts neither way.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { every } from "#core/host/clock.ts";

const POST_EVERY = 20;
const LAST_EVERY = 10;
const LEFT_EVERY = 100;
const TELL_MS = 100;
const REASONS_MAX = 16;
const HEAD_END = "\r\n\r\n";

export interface ChurnCounts {
  gets: number;
  failedGets: number;
  posts: number;
  failedPosts: number;
  left: number;
  /** Connections that are open now. */
  open: number;
  /** Of what failed, the first few kinds. */
  reasons: Record<string, number>;
}

const [port, connections] = process.argv.slice(2).map(Number);
const counts: ChurnCounts = {
  gets: 0,
  failedGets: 0,
  posts: 0,
  failedPosts: 0,
  left: 0,
  open: 0,
  reasons: {},
};
let isRunning = false;
let asked = 0;

createInterface({ input: process.stdin })
  .on("line", (line) => {
    isRunning = line === "run";
    if (isRunning) for (let index = counts.open; index < connections!; index++) open();
  })
  .on("close", () => process.exit(0));
every(TELL_MS, () => process.stdout.write(`${JSON.stringify(counts)}\n`));

function open(): void {
  const socket: Socket = connect({ port: port!, host: "127.0.0.1", noDelay: true });
  counts.open += 1;
  let held = "";
  let method: "GET" | "POST" | undefined;
  let isLast = false;
  const ask = (): void => {
    if (!isRunning) return void socket.end();
    const number = ++asked;
    method = number % POST_EVERY === 0 ? "POST" : "GET";
    isLast = number % LAST_EVERY === 1;
    held = "";
    socket.write(method === "GET" ? getText(isLast) : postText(`churn-${number}`));
    if (number % LEFT_EVERY !== 3) return;
    counts.left += 1;
    method = undefined;
    socket.destroy();
  };
  const ended = (failure: string | undefined): void => {
    if (method === undefined) return;
    const isGet = method === "GET";
    method = undefined;
    counts[isGet ? "gets" : "posts"] += 1;
    if (failure === undefined) return;
    counts[isGet ? "failedGets" : "failedPosts"] += 1;
    if (failure in counts.reasons || Object.keys(counts.reasons).length < REASONS_MAX) {
      counts.reasons[failure] = (counts.reasons[failure] ?? 0) + 1;
    }
  };
  let failure = "closed before the answer";
  socket.once("connect", ask);
  socket.on("error", (error) => (failure = error.message));
  socket.on("close", () => {
    ended(failure);
    counts.open -= 1;
    if (isRunning) open();
  });
  socket.on("data", (chunk: Buffer) => {
    held += chunk.toString("latin1");
    const headEnd = held.indexOf(HEAD_END);
    if (headEnd === -1 || held.length < headEnd + HEAD_END.length + lengthOf(held)) return;
    ended(held.startsWith("HTTP/1.1 200 ") ? undefined : held.slice(0, held.indexOf("\r\n")));
    if (isLast || /\r\nconnection: *close\r\n/i.test(held)) socket.end();
    else ask();
  });
}

/** Nodes of drills and the gateway's own answers all have one. */
function lengthOf(text: string): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
}

function getText(isLast: boolean): string {
  return `GET / HTTP/1.1\r\nhost: drill\r\n${isLast ? "connection: close\r\n" : ""}\r\n`;
}

function postText(key: string): string {
  return `POST / HTTP/1.1\r\nhost: drill\r\nx-request-id: ${key}\r\ncontent-length: ${key.length}\r\n\r\n${key}`;
}
