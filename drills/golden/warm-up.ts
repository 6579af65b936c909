/**
 * Asks every node directly, and then the gateway, until their code is compiled, before anything is measured: under even load all nodes of a
 * cast optimise the same functions at the same moment, near their 510th request, and a measurement that spans it
 * shows a hump of 120 to 300 ms that no client of a long-running edge would ever see.
 */
import { Agent, get } from "node:http";

/** A little past the point at which the nodes' hot functions are optimised. */
const REQUESTS_PER_NODE = 600;
/** Requests in flight at one node: enough that the think time does not make the warm-up long. */
const CONNECTIONS_PER_NODE = 12;

/** The gateway's hot path is larger, and all traffic goes through it. */
const REQUESTS_THROUGH_GATEWAY = 3_000;
const CONNECTIONS_TO_GATEWAY = 48;

/** Resolves when every node has answered; an error counts as an answer, because nothing is measured here. */
export async function warmUpNodes(urls: readonly string[]): Promise<void> {
  await Promise.all(urls.map((url) => askMany(url, REQUESTS_PER_NODE, CONNECTIONS_PER_NODE)));
}

export async function warmUpGateway(url: string): Promise<void> {
  await askMany(url, REQUESTS_THROUGH_GATEWAY, CONNECTIONS_TO_GATEWAY);
}

async function askMany(url: string, count: number, connections: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await ask(url, agent);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  agent.destroy();
}

function ask(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 5_000 }, (response) => {
      response.resume();
      response.on("close", resolve);
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", () => resolve());
  });
}
