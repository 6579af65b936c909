/**
 * The usual set-up of http-proxy 1.18: a keep-alive agent, targets in turn, no checks and no retries.
 * `node bench/http-proxy-server.ts PORT TARGET-PORT TARGET-PORT`.
 */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";

/** What is used of http-proxy, which brings no types. */
interface HttpProxy {
  web(request: IncomingMessage, response: ServerResponse, options: { target: string }): void;
  on(
    event: "error",
    listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void,
  ): void;
}

const httpProxy = createRequire(import.meta.url)("http-proxy-1") as {
  createProxyServer(options: { agent: Agent }): HttpProxy;
};

const [port, ...targetPorts] = process.argv.slice(2).map(Number);
const targets = targetPorts.map((target) => `http://127.0.0.1:${target}`);
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: 64 }) });
proxy.on("error", (_error, _request, response) => {
  response.writeHead(502).end();
});
let turn = 0;
createServer((request, response) => {
  turn = (turn + 1) % targets.length;
  proxy.web(request, response, { target: targets[turn]! });
}).listen(port, "127.0.0.1");
