/** Binding a server to an address, with errors that name the address and what wanted it. */
import { Server, type Socket } from "node:net";
import { EXIT, UserError, codeOf, messageOf } from "#core/errors.ts";
import { holderOf } from "#core/host/port-holder.ts";
import type { HostPort } from "../config.ts";

/** The kernel cuts it to `net.core.somaxconn`. */
const BACKLOG = 4096;

/** Resolves with the port that was bound; `descriptor` listens already. Rejects as `listenError` says. */
export async function listenOn(
  server: Server,
  address: HostPort,
  what: string,
  descriptor?: number,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const where = descriptor === undefined ? { host: address.host, port: address.port } : { fd: descriptor };
  server.listen({ ...where, backlog: BACKLOG }, resolve);
  try {
    await promise;
  } catch (error) {
    throw listenError(error, address, what);
  }
  server.off("error", reject);
  return portOf(server, address.port);
}

export function portOf(server: Server, otherwise: number): number {
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : otherwise;
}

/** Only the descriptor is closed: unlike `close` of a server for HTTP it leaves connections alone that are idle. */
export function stopListening(server: Server): void {
  Server.prototype.close.call(server);
}

/**
 * Of a server that listens, or of a connection; undefined: it has none. Node tells it nowhere else than on libuv's handle, where
 * it stands from the start.
 */
export function descriptorOf(socket: Server | Socket): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  return typeof handle?.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}

/** `PORT_BUSY` when somebody else listens there, else `LISTEN_FAILED`. `what` begins the sentence. */
export function listenError(error: unknown, { host, port }: HostPort, what: string): UserError {
  const where = `${host}:${port}`;
  if (codeOf(error) === "EADDRINUSE") {
    const holder = holderOf(port);
    return new UserError(
      "PORT_BUSY",
      `${what} cannot listen on ${where}: ${holder ?? "another process"} does already`,
      {
        hint:
          holder === undefined
            ? `choose another port, or find its holder with \`ss -ltnp 'sport = :${port}'\``
            : "choose another port, or end what holds this one",
        exitCode: EXIT.usage,
        cause: error,
      },
    );
  }
  return new UserError("LISTEN_FAILED", `${what} cannot listen on ${where}: ${messageOf(error)}`, {
    hint: "give host:port of an address of this machine",
    cause: error,
  });
}
