/** A simulator and a gateway as a watcher sees them: their documents and the feed, on a port each, to be changed and restarted. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SITES } from "#core/geography/cities.ts";
import { CATCHMENT_FEED_SCHEMA, type CatchmentFeedLine } from "#core/wire/catchment.ts";
import type { NodeHealth } from "#core/wire/events.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import type { SimStatus } from "#core/wire/sim-status.ts";

export function gatewayStatus(healths: Record<string, NodeHealth> = {}, total = 0): GatewayStatus {
  return {
    schema: "anycastle.gateway-status/v1",
    version: "0.0.0",
    mode: "anycast",
    profile: "demo",
    feed: "live",
    isDraining: false,
    nodes: nodeNames().map(([site, node]) => ({
      node,
      site,
      url: `http://${node}.invalid`,
      zone: null,
      labels: {},
      health: healths[node] ?? "healthy",
      weight: 100,
      active: 0,
      attempts: 0,
      failures: 0,
      lastCheck: "200 in 1.0 ms",
    })),
    requests: {
      total,
      active: 0,
      failed: 0,
      rescued: total / 10,
      retries: 0,
      hedges: 0,
      hedgesWon: 0,
      resumes: 0,
      resets: 0,
    },
    retryBudgetRatio: 1,
    admission: null,
  };
}

export function simStatus(down: readonly string[] = []): SimStatus {
  return {
    schema: "anycastle.sim-status/v1",
    world: "default",
    seed: 7,
    revision: 1,
    prefix: "203.0.113.0/24",
    readers: 1,
    sites: SITES.map(({ site }) => {
      const nodes = nodeNames().filter(([of, node]) => of === site && !down.includes(node));
      return {
        site,
        port: 0,
        isAnnounced: nodes.length > 0,
        isGracefulShutdown: false,
        announcedNodes: nodes.map(([, node]) => node),
        nodes: [`${site}-1`, `${site}-2`].map((node) => ({
          node,
          session: down.includes(node) ? ("down" as const) : ("up" as const),
          hasPath: !down.includes(node),
        })),
      };
    }),
    vantages: [],
  };
}

/** `hello` to `synced`, as the feed begins. */
export function feedState(instance = "a"): CatchmentFeedLine[] {
  return [
    { type: "hello", schema: CATCHMENT_FEED_SCHEMA, instance, vantages: ["new-york"], sites: ["ny1"] },
    ...SITES.map(({ site }) => announced(site, [`${site}-1`, `${site}-2`])),
    routes("new-york", ["ny1", "la1"]),
    { type: "synced", revision: 1 },
  ];
}

export function announced(site: string, nodes: readonly string[]): CatchmentFeedLine {
  return { type: "announced", revision: 1, asOfNs: 1, site, nodes };
}

export function routes(vantage: string, sites: readonly string[]): CatchmentFeedLine {
  return {
    type: "routes",
    revision: 2,
    asOfNs: 1,
    vantage,
    sites: sites.map((site, index) => ({ site, rttUs: 1_000 * (index + 1) })),
  };
}

function nodeNames(): [site: string, node: string][] {
  return SITES.flatMap(({ site }) => [1, 2].map((number): [string, string] => [site, `${site}-${number}`]));
}

/** Answers with what `document` is at that moment; `/v1/catchments` with the feed. */
export class FakeService {
  document: unknown;
  feed: readonly CatchmentFeedLine[] = [];
  readonly readers = new Set<ServerResponse>();
  #server: Server | undefined;
  #port = 0;

  constructor(document: unknown) {
    this.document = document;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Again on the same port, after `stop`. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      if (request.url !== "/v1/catchments") return response.end(JSON.stringify(this.document));
      this.readers.add(response);
      response.on("close", () => this.readers.delete(response));
      response.write(this.feed.map((line) => `${JSON.stringify(line)}\n`).join(""));
      return undefined;
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  say(line: CatchmentFeedLine): void {
    for (const reader of this.readers) reader.write(`${JSON.stringify(line)}\n`);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}
