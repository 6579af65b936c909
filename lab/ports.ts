/**
 * Ports of a lab: many free ones at once for its own use (TCP, and UDP for BFD), and the two that people see.
 *
 * The lab's own are taken from outside the range that the kernel hands to outgoing connections. A node that is down
 * for some seconds under load would else find its port in use as the near end of somebody's connection.
 */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { codeOf, EXIT, UserError } from "#core/errors.ts";
import { holderOf } from "#core/host/port-holder.ts";
import { randomSeed } from "#core/host/random.ts";

const PORT_MIN = 10_000;
const PORT_MAX = 65_535;
/** Linux' default first port for outgoing connections, where the system does not say. */
const OUTGOING_FIRST_DEFAULT = 32_768;
/** Ports tried for each that is wanted, before the kernel is asked for any. */
const TRIES_PER_PORT = 20;
/** Ports after a busy default that are tried. */
const NEXT_MAX = 50;

export interface WantedPort {
  /** 0: any free one. */
  readonly port: number;
  /** Somebody asked for just this one. */
  readonly isStrict: boolean;
}

/** A port that nobody else can take until it is released. */
interface HeldPort {
  readonly port: number;
  release(): Promise<void>;
}

/** `count` distinct ports that are free now. All are held until the last is found, so that none comes twice. */
export async function freePorts(
  host: string,
  count: number,
  protocol: "tcp" | "udp" = "tcp",
): Promise<number[]> {
  const hold = protocol === "tcp" ? holdTcp : holdUdp;
  const held: HeldPort[] = [];
  try {
    const end = Math.max(PORT_MIN + 1, outgoingFirst());
    let next = PORT_MIN + (randomSeed() % (end - PORT_MIN));
    for (let tries = count * TRIES_PER_PORT; tries > 0 && held.length < count; tries--) {
      const found = await hold(host, next).catch(() => undefined);
      if (found !== undefined) held.push(found);
      next = next + 1 < end ? next + 1 : PORT_MIN;
    }
    while (held.length < count) held.push(await hold(host, 0));
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map((found) => found.release()));
  }
}

/**
 * The port itself, or, when it is a default, the next free one. `avoid` are ports meant for others.
 * Throws `PORT_BUSY`, naming the holder where the system tells.
 */
export async function choosePort(
  host: string,
  { port: wanted, isStrict }: WantedPort,
  what: string,
  avoid: readonly number[] = [],
): Promise<number> {
  if (wanted === 0) return (await freePorts(host, 1))[0]!;
  const last = isStrict ? wanted : Math.min(PORT_MAX, wanted + NEXT_MAX);
  for (let port = wanted; port <= last; port++) {
    if (!avoid.includes(port) && (await isFree(host, port))) return port;
  }
  throw new UserError("PORT_BUSY", takenMessage(host, wanted, what), {
    hint: "choose another port, or 0 for any free one",
    exitCode: EXIT.failure,
  });
}

/** For people: why a default port is not used. Undefined when it is, and when any was asked for. */
export function movedNote(
  host: string,
  wanted: WantedPort,
  what: string,
  chosen: number,
): string | undefined {
  if (wanted.port === 0 || wanted.port === chosen) return undefined;
  return `${takenMessage(host, wanted.port, what)}; it is ${chosen} instead`;
}

function takenMessage(host: string, port: number, what: string): string {
  const holder = holderOf(port);
  return `port ${port} on ${host}, for ${what}, is taken${holder === undefined ? "" : ` by ${holder}`}`;
}

async function isFree(host: string, port: number): Promise<boolean> {
  try {
    await (await holdTcp(host, port)).release();
    return true;
  } catch (error) {
    switch (codeOf(error)) {
      case "EACCES":
        throw new UserError("PORT_FORBIDDEN", `port ${port} needs more rights than this user has`, {
          hint: "choose a port above 1023",
          cause: error,
        });
      case "EADDRNOTAVAIL":
      case "ENOTFOUND":
      case "EAI_AGAIN":
        throw new UserError("ADDRESS_UNKNOWN", `this host has no address "${host}" to listen on`, {
          hint: "127.0.0.1 is for this host only, 0.0.0.0 for everybody",
          cause: error,
        });
      default:
        return false;
    }
  }
}

function holdTcp(host: string, port: number): Promise<HeldPort> {
  const { promise, resolve, reject } = Promise.withResolvers<HeldPort>();
  const server = createServer();
  server.once("error", reject);
  server.listen({ host, port }, () =>
    resolve({ port: portOf(server), release: () => ended((done) => server.close(done)) }),
  );
  return promise;
}

function holdUdp(host: string, port: number): Promise<HeldPort> {
  const { promise, resolve, reject } = Promise.withResolvers<HeldPort>();
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.once("error", (error) => {
    socket.close();
    reject(error);
  });
  socket.bind({ address: host, port, exclusive: true }, () =>
    resolve({ port: socket.address().port, release: () => ended((done) => socket.close(done)) }),
  );
  return promise;
}

function ended(end: (done: () => void) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  end(() => resolve());
  return promise;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** First port that the kernel gives to outgoing connections. */
function outgoingFirst(): number {
  try {
    const first = Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
    return Number.isInteger(first) ? first : OUTGOING_FIRST_DEFAULT;
  } catch {
    return OUTGOING_FIRST_DEFAULT;
  }
}
