/**
 * A UDP port for small, urgent messages: what cannot leave now is not sent at all, for later it would be untrue. It may
 * listen on one port and send from another, as BFD does between hosts (RFC 5881 §4).
 *
 * Packets leave with TTL 255 (RFC 5881 §5). What Node cannot do is look at the TTL of what comes in, so a receiver
 * cannot tell a neighbor's packet from one that was routed here.
 */
import { createSocket, type Socket } from "node:dgram";
import { isIP, isIPv6 } from "node:net";
import { UserError, messageOf } from "../errors.ts";

const TTL = 255;
/** Bytes that wait in this process for the kernel to take them; more are dropped. */
const QUEUED_BYTES_MAX = 64 * 1024;

export interface Endpoint {
  /** An IP address, never a name. */
  readonly address: string;
  readonly port: number;
}

export interface DatagramPortOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Absent: packets leave from `port`. */
  readonly sourcePort?: number | undefined;
}

export class DatagramPort {
  readonly #listening: Socket;
  readonly #sending: Socket;
  #isClosed = false;

  /** Resolves when datagrams are received. Rejects with `DATAGRAM_PORT`. */
  static async open(
    options: DatagramPortOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint) => void,
  ): Promise<DatagramPort> {
    const { host, port, sourcePort } = options;
    const listening = await bound(host, port);
    listening.on("message", (bytes, from) => onDatagram(bytes, { address: from.address, port: from.port }));
    if (sourcePort === undefined) return new DatagramPort(listening, listening);
    try {
      return new DatagramPort(listening, await bound(host, sourcePort));
    } catch (error) {
      listening.close();
      throw error;
    }
  }

  private constructor(listening: Socket, sending: Socket) {
    this.#listening = listening;
    this.#sending = sending;
  }

  get port(): number {
    return this.#listening.address().port;
  }

  send(bytes: Uint8Array, to: Endpoint): void {
    if (this.#isClosed || this.#sending.getSendQueueSize() > QUEUED_BYTES_MAX) return;
    // An unreachable network is silence, as it is to the other side.
    this.#sending.send(bytes, to.port, to.address, () => undefined);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listening.close();
    if (this.#sending !== this.#listening) this.#sending.close();
  }
}

async function bound(host: string, port: number): Promise<Socket> {
  if (isIP(host) === 0) {
    throw new UserError("DATAGRAM_PORT", `"${host}" is no IP address to send and receive datagrams at`, {
      hint: "name the address itself, like 127.0.0.1",
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = createSocket({
    type: isIPv6(host) ? "udp6" : "udp4",
    // Addresses only: nothing is looked up, so that a packet has left when `send` returns.
    lookup: (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4),
  });
  socket.once("error", reject);
  socket.bind({ address: host, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw new UserError("DATAGRAM_PORT", `cannot receive datagrams at ${host}:${port}: ${messageOf(error)}`, {
      hint: "another program holds the port, or the address is not of this host",
      cause: error,
    });
  }
  socket.setTTL(TTL);
  // What an ICMP error may bring: as above, silence.
  socket.on("error", () => undefined);
  return socket;
}
