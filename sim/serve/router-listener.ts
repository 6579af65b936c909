/** The sockets of a site's router: accepts nodes, hands their bytes to it, and lets go of those it has closed. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { UserError, codeOf, messageOf } from "#core/errors.ts";
import { after } from "#core/host/clock.ts";
import type { SiteRouter } from "./site-router.ts";

/** A peer that does not answer our FIN (frozen, cut off) keeps no socket of ours beyond this. */
const LINGER_MS = 1000;

export class RouterListener {
  readonly router: SiteRouter;
  readonly #server: Server;

  constructor(router: SiteRouter) {
    this.router = router;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Resolves when nodes can connect. Port 0 takes any free one. */
  async listen(host: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { site, port } = this.router.config;
    this.#server.once("error", (error) =>
      reject(
        new UserError(
          "ROUTER_PORT",
          `the router of ${site} cannot listen on ${host}:${port}: ${messageOf(error)}`,
          { cause: error },
        ),
      ),
    );
    this.#server.listen({ host, port }, resolve);
    await promise;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** No new node; those that are connected hear Cease. */
  close(reason: string): void {
    this.#server.close();
    this.router.stop(reason);
  }

  #accept(socket: Socket): void {
    let reason = "closed by the node";
    socket.on("error", (error) => (reason = codeOf(error) ?? messageOf(error)));
    const link = this.router.accept({
      write: (bytes) => {
        if (socket.writable) socket.write(bytes);
      },
      close: () => {
        socket.end();
        after(LINGER_MS, () => socket.destroy(), { unref: true });
      },
    });
    socket.on("data", (chunk: Buffer) => link?.received(chunk));
    socket.on("end", () => link?.closed(reason));
    socket.on("close", () => link?.closed(reason));
  }
}
