/** A catchment feed that says what a test tells it to, on a port it keeps over restarts. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CATCHMENT_FEED_SCHEMA, type CatchmentFeedLine } from "#core/wire/catchment.ts";

export class FakeFeed {
  revision = 0;
  instance = "first";
  readers = 0;
  readonly #routes = new Map<string, readonly (readonly [site: string, rttMs: number])[]>();
  readonly #nodes = new Map<string, readonly string[]>();
  readonly #unreachable = new Set<string>();
  readonly #open = new Set<ServerResponse>();
  #server: Server | undefined;
  #port = 0;
  #beat: NodeJS.Timeout | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/v1/catchments`;
  }

  async start(): Promise<void> {
    const server = createServer((_request, response) => this.#serve(response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#beat = setInterval(() => this.#say({ type: "heartbeat", atNs: 0 }), 500);
  }

  async stop(): Promise<void> {
    clearInterval(this.#beat);
    const server = this.#server!;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  /** All that is known is forgotten, as by a simulator that was killed. */
  forget(): void {
    this.revision = 0;
    this.instance = "second";
    this.#routes.clear();
    this.#nodes.clear();
  }

  routes(vantage: string, ...sites: readonly (readonly [site: string, rttMs: number])[]): void {
    this.revision += 1;
    this.#unreachable.delete(vantage);
    this.#routes.set(vantage, sites);
    this.#say(this.#routesLine(vantage));
  }

  /** The vantage's own AS has no route for the moment; `routes` ends that. */
  unreachable(vantage: string): void {
    this.revision += 1;
    this.#unreachable.add(vantage);
    this.#say(this.#routesLine(vantage));
  }

  announced(site: string, ...nodes: readonly string[]): void {
    this.revision += 1;
    this.#nodes.set(site, nodes);
    this.#say(this.#nodesLine(site));
  }

  #serve(response: ServerResponse): void {
    this.readers += 1;
    this.#open.add(response);
    response.on("close", () => this.#open.delete(response));
    const lines: CatchmentFeedLine[] = [
      {
        type: "hello",
        schema: CATCHMENT_FEED_SCHEMA,
        instance: this.instance,
        vantages: [...this.#routes.keys()],
        sites: [...this.#nodes.keys()],
      },
      ...[...this.#routes.keys()].map((vantage) => this.#routesLine(vantage)),
      ...[...this.#nodes.keys()].map((site) => this.#nodesLine(site)),
      { type: "synced", revision: this.revision },
    ];
    for (const line of lines) response.write(`${JSON.stringify(line)}\n`);
  }

  #routesLine(vantage: string): CatchmentFeedLine {
    const sites = this.#routes.get(vantage)!.map(([site, rttMs]) => ({ site, rttUs: rttMs * 1000 }));
    const line = { type: "routes", revision: this.revision, asOfNs: 0, vantage, sites } as const;
    return this.#unreachable.has(vantage) ? { ...line, isUnreachable: true } : line;
  }

  #nodesLine(site: string): CatchmentFeedLine {
    return { type: "announced", revision: this.revision, asOfNs: 0, site, nodes: this.#nodes.get(site)! };
  }

  #say(line: CatchmentFeedLine): void {
    for (const response of this.#open) response.write(`${JSON.stringify(line)}\n`);
  }
}
