/**
 * A pulled cable: the process lives, every socket of it goes silent both ways. Proven by its own word and by a request
 * that is accepted (by the kernel) and not answered.
 */
import { get } from "node:http";
import type { Fault } from "./fault.ts";

/** A node on this host answers its health check in a few milliseconds. */
const SILENCE_MS = 100;

export const isolate: Fault = {
  endsProcess: false,
  inject: ({ process }) => process.send({ do: "cut", what: "all" }),
  async confirm(target) {
    await target.cableIs("cut");
    if (await answers(target.url)) throw new Error("the node still answers");
    return `the node says its cable is cut, and a request got no answer for ${SILENCE_MS} ms`;
  },
  remove: ({ process }) => process.send({ do: "restore" }),
};

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`${url}/health/live`, { agent: false, timeout: SILENCE_MS }, (response) => {
      response.resume();
      resolve(true);
    });
    request.on("timeout", () => {
      request.destroy();
      resolve(false);
    });
    request.on("error", () => resolve(false));
  });
}
