/**
 * A node that misbehaves to order: a line on standard input names how, from the next request on. Executions of requests with a
 * key are told on standard output, in one write each, before anything is answered. GET has ranges and a strong ETag, the
 * same on every node. `node bench/drills/faulty-node.ts PORT NAME WORK_MS`.
 */
import { writeSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createInterface } from "node:readline";

const BODY = Buffer.alloc(20_000, "0123456789abcdefghijklmnopqrstuvwxyz");
const ETAG = '"drill-1"';
const SLOWER = 10;
const TRICKLE_MS = 1_000;

const [port = "", name = "", workMs = ""] = process.argv.slice(2);
let fault = "none";
createInterface({ input: process.stdin }).on("line", (line) => (fault = line.trim()));

const server = createServer((request, response) => {
  request.resume();
  request.on("error", () => undefined);
  request.socket.on("error", () => undefined);
  request.on("end", () => {
    const key = request.headers["x-request-id"];
    if (request.method !== "GET" && typeof key === "string") writeSync(1, `${key}\n`);
    const slower = fault === "slow" ? SLOWER : 1;
    setTimeout(() => answer(request, response), Number(workMs) * slower);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(Number(port), "127.0.0.1");

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  switch (fault) {
    case "blackhole":
      return;
    case "half a head":
      return void socket.write("HTTP/1.1 200 OK\r\ncontent-le");
    case "half a body":
      return writeFrom(request, response, BODY.length / 2);
    case "one byte a second":
      return trickle(request, response);
    case "200, then garbage":
      return void socket.write("HTTP/1.1 200 OK\r\n\u0000\u0007: \r\r\r\n\r\n<<<");
    case "reset behind the head":
      writeFrom(request, response, 0);
      return void setTimeout(() => socket.resetAndDestroy(), 2);
    case "503 to everything":
      return void response.writeHead(503, { "content-length": 0 }).end();
    default:
      return writeFrom(request, response, Infinity);
  }
}

/** So many bytes of the answer, and no end if that is not all. */
function writeFrom(request: IncomingMessage, response: ServerResponse, bytes: number): void {
  const ifMatch = request.headers["if-match"];
  if (ifMatch !== undefined && ifMatch !== ETAG) return void response.writeHead(412).end();
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const [first, end] = range === null ? [0, BODY.length] : [Number(range[1]), Number(range[2]) + 1];
  const fields = { etag: ETAG, "accept-ranges": "bytes", "content-length": end - first, "x-edge-node": name };
  if (range === null) response.writeHead(200, fields);
  else response.writeHead(206, { ...fields, "content-range": `bytes ${first}-${end - 1}/${BODY.length}` });
  if (bytes === Infinity) response.end(BODY.subarray(first, end));
  else if (bytes === 0) response.flushHeaders();
  else response.write(BODY.subarray(first, first + bytes));
}

function trickle(request: IncomingMessage, response: ServerResponse): void {
  writeFrom(request, response, 1);
  const timer = setInterval(() => response.write("x"), TRICKLE_MS);
  response.on("close", () => clearInterval(timer));
}
