/**
 * Accepts connections that begin with a PROXY header, and hands them on as what they are: connections of the client behind it.
 *
 *     kernel -> front: who is it from? -> [TLS ->] HTTP server
 *
 * Only proxies that are trusted may say so; who else comes, says nothing, says it wrong or is late is closed, and nothing of it
 * goes on.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Timer } from "#core/host/clock.ts";
import type { GatewayClock } from "../gateway-clock.ts";
import { readProxyHeader } from "./proxy-protocol.ts";

export interface ProxyFrontOptions {
  readonly clock: GatewayClock;
  /** For the whole header. */
  readonly timeoutMs: () => number;
  readonly isTrusted: (address: string) => boolean;
  readonly onRefused: () => void;
  readonly isSecure: boolean;
  /** The HTTP server, which does not listen itself. */
  readonly server: Server;
}

export function createProxyFront(options: ProxyFrontOptions): Server {
  return createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    new Arrival(socket, options).begin();
  });
}

/** Behind TLS a socket tells its peer's address by itself, and knows the one before it as its parent. */
export function adoptSource(socket: Socket): void {
  const { _parent: raw } = socket as { readonly _parent?: Socket | null };
  if (raw === undefined || raw === null || !Object.hasOwn(raw, "remoteAddress")) return;
  Object.defineProperty(socket, "remoteAddress", { value: raw.remoteAddress });
  Object.defineProperty(socket, "remotePort", { value: raw.remotePort });
}

class Arrival {
  readonly #socket: Socket;
  readonly #options: ProxyFrontOptions;
  #timer: Timer | undefined;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, options: ProxyFrontOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  begin(): void {
    const { clock, isTrusted, timeoutMs } = this.#options;
    this.#socket.on("error", this.#refuse);
    if (!isTrusted(this.#socket.remoteAddress ?? "")) return this.#refuse();
    this.#timer = clock.after(timeoutMs(), this.#refuse);
    this.#socket.on("data", this.#read);
    this.#socket.on("end", this.#refuse);
    this.#socket.resume();
  }

  readonly #read = (chunk: Buffer): void => {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = readProxyHeader(this.#bytes);
    if (header.is === "more") return;
    if (header.is === "bad") return this.#refuse();
    this.#leave();
    const { server } = this.#options;
    const socket = this.#socket;
    if (header.source !== undefined) {
      // What the HTTP server and the access rules ask for.
      Object.defineProperty(socket, "remoteAddress", { value: header.source.address });
      Object.defineProperty(socket, "remotePort", { value: header.source.port });
    }
    socket.pause();
    const rest = this.#bytes.subarray(header.bytes);
    if (rest.length > 0) socket.unshift(rest);
    server.emit("connection", socket);
    // TLS takes over the socket whole, and what has been read of it too.
    if (!this.#options.isSecure) socket.resume();
  };

  readonly #refuse = (): void => {
    this.#leave();
    this.#options.onRefused();
    this.#socket.on("error", () => undefined);
    this.#socket.destroy();
  };

  #leave(): void {
    this.#timer?.cancel();
    this.#socket.off("data", this.#read).off("end", this.#refuse).off("error", this.#refuse);
  }
}
