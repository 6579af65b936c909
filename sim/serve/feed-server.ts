/**
 * The simulator's HTTP: `GET /v1/catchments`, the feed of `core/wire/catchment.ts`, and `GET /v1/status`.
 *
 * It only tells; nothing here changes anything, so it asks for no token. A page that the operator has open elsewhere
 * still has no business with it: a Host that does not name this server (DNS rebinding) and a foreign Origin are
 * refused. Named are loopback and the address the connection came to: no foreign name can resolve into the Host of an
 * address. A reader that does not keep up is dropped, not waited for: it connects again and gets the state anew.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { UserError, messageOf } from "#core/errors.ts";
import { every, nowNs, type Timer } from "#core/host/clock.ts";
import type { ErrorReply } from "#core/wire/control.ts";
import type { CatchmentFeedLine } from "#core/wire/catchment.ts";

const HEARTBEAT_MS = 1000;
/** A change of everything is about 10 KB; a reader this far behind has not read for minutes. */
const BUFFERED_BYTES_MAX = 1024 * 1024;
const READERS_MAX = 64;
const HEADERS_TIMEOUT_MS = 5000;
const LOOPBACK_NAMES = new Set(["127.0.0.1", "localhost", "[::1]"]);

export interface FeedSource {
  /** `hello` to `synced`. */
  state(): readonly CatchmentFeedLine[];
  status(): unknown;
  readerDropped(bufferedBytes: number): void;
}

export class FeedServer {
  readonly #source: FeedSource;
  readonly #server: Server;
  readonly #readers = new Set<ServerResponse>();
  readonly #bufferedBytesMax: number;
  #heartbeat: Timer | undefined;

  constructor(source: FeedSource, bufferedBytesMax = BUFFERED_BYTES_MAX) {
    this.#source = source;
    this.#bufferedBytesMax = bufferedBytesMax;
    this.#server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS }, (request, response) =>
      this.#answer(request, response),
    );
  }

  /** Port 0 takes any free one. */
  async listen(host: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", (error) =>
      reject(
        new UserError(
          "SIM_PORT",
          `the simulator's feed cannot listen on ${host}:${port}: ${messageOf(error)}`,
          { cause: error },
        ),
      ),
    );
    this.#server.listen({ host, port }, resolve);
    await promise;
    this.#heartbeat = every(HEARTBEAT_MS, () => this.publish([{ type: "heartbeat", atNs: nowNs() }]));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  publish(lines: readonly CatchmentFeedLine[]): void {
    const text = ndjson(lines);
    for (const reader of this.#readers) {
      reader.write(text);
      if (reader.writableLength > this.#bufferedBytesMax) this.#drop(reader);
    }
  }

  close(): void {
    this.#heartbeat?.cancel();
    for (const reader of this.#readers) reader.end();
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) return refuse(response, refusal);
    const { pathname } = new URL(request.url ?? "/", "http://sim");
    if (pathname === "/v1/status") return reply(response, 200, this.#source.status());
    this.#feed(response, request.method === "HEAD");
  }

  #refusal(request: IncomingMessage): Refusal | undefined {
    const host = request.headers.host ?? "";
    if (!this.#isOwnHost(host, request.socket.localAddress)) {
      return {
        status: 421,
        code: "HOST_REFUSED",
        message: `Host "${host.slice(0, 80)}" does not name this server`,
      };
    }
    const { origin } = request.headers;
    if (origin !== undefined && origin !== `http://${host}`) {
      return {
        status: 403,
        code: "ORIGIN_REFUSED",
        message: `Origin "${origin.slice(0, 80)}" is not this server's own`,
      };
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return {
        status: 405,
        code: "METHOD_REFUSED",
        message: `${request.method} changes nothing here: GET only`,
      };
    }
    const path = (request.url ?? "/").split("?", 1)[0]!;
    if (path !== "/v1/catchments" && path !== "/v1/status") {
      const message = `no ${path.slice(0, 80)} here; there are /v1/catchments and /v1/status`;
      return { status: 404, code: "PATH_UNKNOWN", message };
    }
    return undefined;
  }

  #isOwnHost(host: string, localAddress: string | undefined): boolean {
    const end = host.lastIndexOf(":");
    if (end <= 0 || host.slice(end + 1) !== String(this.port)) return false;
    const name = host.slice(0, end).toLowerCase();
    return LOOPBACK_NAMES.has(name) || name === localAddress || name === `[${localAddress}]`;
  }

  #feed(response: ServerResponse, isHead: boolean): void {
    if (this.#readers.size >= READERS_MAX) {
      const message = `${READERS_MAX} readers have the feed already`;
      return refuse(response, { status: 503, code: "READERS_MAX", message });
    }
    response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    if (isHead) return void response.end();
    response.on("error", () => undefined);
    response.on("close", () => this.#readers.delete(response));
    this.#readers.add(response);
    response.write(ndjson(this.#source.state()));
  }

  #drop(reader: ServerResponse): void {
    this.#readers.delete(reader);
    this.#source.readerDropped(reader.writableLength);
    reader.destroy();
  }
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

function refuse(response: ServerResponse, { status, code, message }: Refusal): void {
  reply(response, status, { error: { code, message } } satisfies ErrorReply);
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

function ndjson(lines: readonly CatchmentFeedLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
