/**
 * The quickest usual set-up of fast-proxy: its undici client, targets in turn, no checks and no retries.
 * `node bench/fast-proxy-server.ts PORT TARGET-PORT TARGET-PORT`.
 */
import { createServer } from "node:http";
import fastProxy from "fast-proxy";

const [port, ...targetPorts] = process.argv.slice(2).map(Number);
const proxies = targetPorts.map((target) =>
  fastProxy({ base: `http://127.0.0.1:${target}`, undici: { connections: 64, pipelining: 1 } }),
);
let turn = 0;
createServer((request, response) => {
  turn = (turn + 1) % proxies.length;
  proxies[turn]!.proxy(request, response, request.url ?? "/", {});
}).listen(port, "127.0.0.1");
