/**
 * A pulled cable: the process lives, every socket of it goes silent both ways. Proven by its own word and by a request
 * that is accepted (by the kernel) and not answered.
 */
import { get } from "node:http";
import { cableSaid } from "./cable-said.ts";
import type { Fault } from "./fault.ts";

/** A node on this host answers its health check in a few milliseconds. */
const SILENCE_MS = 100;

export const isolate: Fault = {
  inject: ({ process }) => process.send({ do: "cut", what: "all" }),
  async confirm(target) {
    await cableSaid(target, "cut");
    const answer = await ask(target.url);
    if (answer !== "silent") throw new Error(`its cable is cut, yet a request was ${answer}`);
    return `the node says that its cable is cut, and a request got no answer for ${SILENCE_MS} ms`;
  },
  remove: ({ process }) => process.send({ do: "restore" }),
};

function ask(url: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const request = get(`${url}/health/live`, { agent: false, timeout: SILENCE_MS }, (response) => {
    response.resume();
    resolve(`answered with ${response.statusCode}`);
  });
  request.on("timeout", () => {
    resolve("silent");
    request.destroy();
  });
  request.on("error", (error) => resolve(`broken off (${error.message})`));
  return promise;
}
