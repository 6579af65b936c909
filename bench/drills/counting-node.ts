/**
 * A node that may be killed at any moment without a loss of what is known about it: each execution of a request with a key is
 * told on standard output before it is answered, in one write of its own, which the pipe keeps.
 * `node bench/drills/counting-node.ts PORT NAME WORK_MS`.
 */
import { writeSync } from "node:fs";
import { createServer } from "node:http";

const [port = "", name = "", workMs = ""] = process.argv.slice(2);
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const key = request.headers["x-request-id"];
    if (request.method !== "GET" && typeof key === "string") writeSync(1, `${key}\n`);
    setTimeout(() => {
      const body = `${name}\n`;
      response
        .writeHead(200, {
          "content-type": "text/plain",
          "content-length": body.length,
          "x-edge-route": name,
          "x-edge-node": name,
        })
        .end(body);
    }, Number(workMs));
  });
});
server.keepAliveTimeout = 120_000;
server.listen(Number(port), "127.0.0.1");
