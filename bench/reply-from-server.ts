/**
 * The usual set-up of @fastify/reply-from: its undici client, targets in turn, no checks.
 * `node bench/reply-from-server.ts PORT TARGET-PORT TARGET-PORT`.
 */
import replyFrom from "@fastify/reply-from";
import fastify from "fastify";

const [port, ...targetPorts] = process.argv.slice(2).map(Number);
const targets = targetPorts.map((target) => `http://127.0.0.1:${target}`);
const server = fastify({ logger: false });
await server.register(replyFrom, { undici: { connections: 64, pipelining: 1 } });
let turn = 0;
server.all("/*", (request, reply) => {
  turn = (turn + 1) % targets.length;
  return reply.from(`${targets[turn]}${request.url}`);
});
await server.listen({ host: "127.0.0.1", port: port! });
