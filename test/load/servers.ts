/** Servers for tests of the load and the speed test: on port 0, closed with everything that hangs on them. */
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
}

/** `onRequest` gets each chunk that holds a whole request, as text: what these tests send fits in one. */
export function rawServer(
  onRequest: (socket: Socket, text: string, count: number) => void,
): Promise<TestServer> {
  let count = 0;
  return listening(
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (chunk) => onRequest(socket, chunk.toString("latin1"), ++count));
    }),
  );
}

export function httpServer(handler: RequestListener): Promise<TestServer> {
  return listening(createHttpServer({ keepAliveTimeout: 60_000 }, handler));
}

/** Answers everything with 200 and says who it is. */
export function answeringServer(): Promise<TestServer> {
  return httpServer((request, response) => {
    response.setHeader("x-edge-route", "ny1");
    response.setHeader("x-edge-node", "ny1-1");
    request.resume().on("end", () => response.end("hello\n"));
  });
}

/** A port nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = await rawServer(() => undefined);
  await server[Symbol.asyncDispose]();
  return server.port;
}

async function listening(server: Server): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    get accepted() {
      return accepted;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
