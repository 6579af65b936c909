/**
 * A node to put behind a proxy where nginx is not installed: answers everything with the same body on two ports.
 * `node bench/backend-server.ts PORT PORT BYTES`.
 */
import { createServer } from "node:http";

const [first, second, bytes] = process.argv.slice(2).map(Number);
const body = "x".repeat(bytes!);
for (const port of [first!, second!]) {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/plain", "content-length": body.length }).end(body);
  });
  server.keepAliveTimeout = 120_000;
  server.listen(port, "127.0.0.1");
}
