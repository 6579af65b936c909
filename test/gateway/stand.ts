/**
 * What the gateway's tests stand on: nodes that misbehave to order on port 0, a gateway in front of them, and clients
 * that see bytes. Checks are slow (profile `seed-001`) unless a test asks for them, so that what is seen is the work
 * of the request's own path.
 */
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { Prng } from "#core/prng.ts";
import type { EventBody } from "#core/wire/events.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import { parseGatewayConfig, type GatewayConfig } from "#gateway/config.ts";
import type { GatewayClock } from "#gateway/gateway-clock.ts";
import { startGateway, type RunningGateway } from "#gateway/gateway.ts";

export const TOKEN = "token-of-the-test";
/** Answered by every node beside its handler. */
export const HEALTH_PATH = "/health/ready";

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A node whose next answers a test decides. */
export class FakeNode {
  readonly id: string;
  readonly site: string;
  readonly seen: Seen[] = [];
  connections = 0;
  /** Requests that reached the node and whose connection closed before the answer. */
  abandoned = 0;
  handler: Handler;
  /** Before anything of a body has been read. */
  onHead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  healthStatus = 200;
  isDraining = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(id: string, site: string) {
    this.id = id;
    this.site = site;
    this.handler = (_request, response) => this.answer(response);
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
      this.#take(request, response),
    );
    this.#server.on("connection", (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  answer(response: ServerResponse, body = `${this.id}\n`): void {
    response.writeHead(200, {
      "content-type": "text/plain",
      "content-length": Buffer.byteLength(body),
      "x-edge-route": this.site,
      "x-edge-node": this.id,
    });
    response.end(body);
  }

  /** As SIGKILL: nobody listens, and every connection is reset. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === HEALTH_PATH) {
      const headers = this.isDraining ? { "x-node-state": "draining" } : {};
      response.writeHead(this.healthStatus, headers).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("error", () => undefined);
    this.onHead?.(request, response);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { method = "", url = "", rawHeaders } = request;
      this.seen.push({ method, url, rawHeaders, body });
      response.on("close", () => {
        if (!response.writableFinished) this.abandoned += 1;
      });
      this.handler(request, response, body);
    });
  }
}

/** The connection ends without a byte of an answer. */
export const reset: Handler = (request) => request.socket.resetAndDestroy();
/** Nothing happens, for ever. */
export const hang: Handler = () => undefined;

/** Its next answers wait. Call what comes back to give the last of them. */
export function holdBack(
  node: FakeNode,
  answer: (response: ServerResponse) => void = (response) => node.answer(response),
): () => void {
  let finish: () => void = () => undefined;
  node.handler = (_request, response) => {
    finish = () => answer(response);
  };
  return () => finish();
}

export interface Stand {
  readonly gateway: RunningGateway;
  /** With which it was started. */
  readonly config: GatewayConfig;
  readonly nodes: readonly FakeNode[];
  readonly events: EventBody[];
  readonly port: number;
  readonly status: () => GatewayStatus;
  readonly node: (id: string) => FakeNode;
  readonly close: () => Promise<void>;
}

export interface StandOptions {
  /** Nodes a site, in order of preference; `ny1` with two nodes when absent. */
  readonly sites?: Readonly<Record<string, number>>;
  /** Laid over the document, one level deep. */
  readonly document?: Readonly<Record<string, unknown>>;
  readonly clock?: GatewayClock;
  /** Of single sites. */
  readonly algorithms?: Readonly<Record<string, string>>;
  /** Of single nodes: zone, labels, weight. */
  readonly places?: Readonly<Record<string, object>>;
}

export async function startStand(options: StandOptions = {}): Promise<Stand> {
  const nodes: FakeNode[] = [];
  for (const [site, count] of Object.entries(options.sites ?? { ny1: 2 })) {
    for (let number = 1; number <= count; number++) nodes.push(new FakeNode(`${site}-${number}`, site));
  }
  await Promise.all(nodes.map((node) => node.listen()));
  const siteIds = [...new Set(nodes.map((node) => node.site))];
  const parsed = parseGatewayConfig({
    listen: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    sites: siteIds.map((id) => ({
      id,
      ...(options.algorithms?.[id] === undefined ? {} : { algorithm: options.algorithms[id] }),
      nodes: nodes
        .filter((node) => node.site === id)
        .map((node) => ({ id: node.id, url: node.url, ...options.places?.[node.id] })),
    })),
    health: { profile: "seed-001", path: HEALTH_PATH },
    ...options.document,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const events: EventBody[] = [];
  const gateway = await startGateway(parsed.config, {
    events: { emit: (body) => events.push(body) },
    adminToken: TOKEN,
    version: "0.0.0-test",
    prng: new Prng(1),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  return {
    gateway,
    config: parsed.config,
    nodes,
    events,
    port: Number(new URL(gateway.url).port),
    status: () => gateway.status(),
    node: (id) => nodes.find((node) => node.id === id)!,
    close: async () => {
      await gateway.close();
      await Promise.all(nodes.map((node) => node.kill().catch(() => undefined)));
    },
  };
}

/** A gateway before nodes that a test brings itself, on any port, its admin API too. */
export async function withGateway(
  document: Readonly<Record<string, unknown>>,
  work: (gateway: RunningGateway, port: number) => Promise<void>,
): Promise<void> {
  const parsed = parseGatewayConfig({ listen: "127.0.0.1:0", admin: "127.0.0.1:0", ...document });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const gateway = await startGateway(parsed.config, {
    events: { emit: () => undefined },
    adminToken: TOKEN,
    version: "0.0.0-test",
    prng: new Prng(1),
  });
  try {
    await work(gateway, Number(new URL(gateway.url).port));
  } finally {
    await gateway.close();
  }
}

/** Runs `work` on a stand and takes it down, whatever happens. */
export async function withStand(options: StandOptions, work: (stand: Stand) => Promise<void>): Promise<void> {
  const stand = await startStand(options);
  try {
    await work(stand);
  } finally {
    await stand.close();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** Rejects when the connection ends before the answer does. */
export function ask(
  port: number,
  { method = "GET", path = "/", headers = {}, ...rest }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        headers,
        agent: rest.agent ?? false,
        ...(rest.signal === undefined ? {} : { signal: rest.signal }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            trailers: response.trailers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(rest.body);
  });
}

/** Writes bytes and returns all that comes back until the connection closes or `isEnough`. */
export function speak(
  port: number,
  bytes: string | Buffer,
  isEnough: (text: string) => boolean = () => false,
): Promise<string> {
  return converse(port, bytes, (text, socket) => {
    if (isEnough(text)) socket.destroy();
  });
}

/** The same with a say in between: `heard` is told, whenever something has come, all that has come so far. */
export function converse(
  port: number,
  bytes: string | Buffer,
  heard: (text: string, socket: Socket) => void,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      heard(text, socket);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
    socket.write(bytes);
  });
}

/** Looks again until it holds; the test's own timeout is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2));
}
