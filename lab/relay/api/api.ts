/**
 * Toxiproxy's HTTP API, v2, for a relay: the paths, statuses, texts and content types of Toxiproxy 2.12.0, so that its
 * clients in a dozen languages break our nodes with no new code. A test puts the same calls to the real one.
 *
 * It is the one control API without a token, because those clients cannot send one. What stands instead: it listens on
 * loopback only, the Host must name this server (DNS rebinding), no request with an Origin is answered, and no
 * browser is (a User-Agent that begins with `Mozilla/`, as in Toxiproxy). Any user of this host can use it: it is off
 * unless somebody asks for it.
 *
 * Not as in Toxiproxy: proxies listen on loopback only, a PATCH changes all attributes or none, a body has a bound, and
 * its `Logger` field, a slip, is left out.
 */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { messageOf } from "#core/errors.ts";
import { randomHex } from "#core/host/random.ts";
import type { ProxyCollection } from "../proxy-collection.ts";
import { ApiError } from "./api-error.ts";
import { createRegistry } from "./metrics.ts";
import { readProxies, readProxy, readProxyChange, readToxic, readToxicChange } from "./read-orders.ts";

/** The version whose API this is. */
export const TOXIPROXY_VERSION = "2.12.0";
/** A thousand proxies are 100 KB. */
const BODY_BYTES_MAX = 1024 * 1024;
/** As Toxiproxy gives a client for sending its request. */
const REQUEST_MS_MAX = 15_000;
const NAME_LENGTH_MAX = 1_000;
const HOST_NAMES: readonly string[] = ["127.0.0.1", "localhost", "[::1]"];
const TEXT = "text/plain; charset=utf-8";
const ID_BYTES = 10;

/** A path of the API that is asked with another method is 405, any other one 404. */
const PATHS = /^\/(?:reset|populate|version|metrics|proxies(?:\/[^/]+(?:\/toxics(?:\/[^/]+)?)?)?)$/;

type Named = { Params: { proxy: string } };
type NamedToxic = { Params: { proxy: string; toxic: string } };

export function createRelayApi(proxies: ProxyCollection): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: NAME_LENGTH_MAX },
  });
  guard(server);
  // Its clients send all sorts of types, or none; a body is JSON whatever they say.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: unknown, _request, reply) => refuse(reply, error));
  server.setNotFoundHandler((request, reply) => {
    if (PATHS.test(pathOf(request))) return void reply.status(405).send();
    void plain(reply, 404, "404 page not found");
  });
  addProxyRoutes(server, proxies);
  addToxicRoutes(server, proxies);
  addOtherRoutes(server, proxies);
  return server;
}

function guard(server: FastifyInstance): void {
  server.addHook("onRequest", async (request, reply) => {
    const { host = "", origin } = request.headers;
    const end = host.lastIndexOf(":");
    const isOwn =
      HOST_NAMES.includes(host.slice(0, end).toLowerCase()) &&
      host.slice(end + 1) === String(request.socket.localPort);
    if (!isOwn) throw new ApiError(421, `Host "${host.slice(0, 80)}" does not name this server`);
    if (origin !== undefined)
      throw new ApiError(403, "pages may not use this server: a request with an Origin");
    if (request.is404) return;
    // A name that is empty or has a slash in it is no part of any of Toxiproxy's paths.
    const names = Object.values(request.params as Readonly<Record<string, string>>);
    if (names.some((name) => name === "" || name.includes("/"))) return reply.callNotFound();
    void reply.header("x-toxiproxy-request-id", randomHex(ID_BYTES));
    if (!(request.headers["user-agent"] ?? "").startsWith("Mozilla/")) return;
    return plain(reply, 403, "User agent not allowed");
  });
}

function addProxyRoutes(server: FastifyInstance, proxies: ProxyCollection): void {
  server.get("/proxies", async (_request, reply) =>
    answer(reply, 200, Object.fromEntries(byName(proxies).map((view) => [view.name, view]))),
  );
  server.post("/proxies", (request, reply) =>
    proxies.inTurn(async () => answer(reply, 201, (await proxies.create(readProxy(bodyOf(request)))).view())),
  );
  server.post("/populate", (request, reply) =>
    proxies.inTurn(() => populate(proxies, bodyOf(request), reply)),
  );
  server.get<Named>("/proxies/:proxy", async ({ params }, reply) =>
    answer(reply, 200, proxies.get(params.proxy).view()),
  );
  server.route<Named>({
    // POST is what Toxiproxy had before PATCH, and what most clients send.
    method: ["POST", "PATCH"],
    url: "/proxies/:proxy",
    handler: (request, reply) =>
      proxies.inTurn(async () => {
        const proxy = proxies.get(request.params.proxy);
        await proxies.update(proxy, readProxyChange(bodyOf(request), proxy.view()));
        return answer(reply, 200, proxy.view());
      }),
  });
  server.delete<Named>("/proxies/:proxy", ({ params }, reply) =>
    proxies.inTurn(async () => {
      await proxies.remove(proxies.get(params.proxy));
      return reply.status(204).send();
    }),
  );
}

function addToxicRoutes(server: FastifyInstance, proxies: ProxyCollection): void {
  server.get<Named>("/proxies/:proxy/toxics", async ({ params }, reply) =>
    answer(reply, 200, proxies.get(params.proxy).toxics()),
  );
  server.post<Named>("/proxies/:proxy/toxics", (request, reply) =>
    proxies.inTurn(async () => {
      const proxy = proxies.get(request.params.proxy);
      const toxic = readToxic(bodyOf(request), (name) => proxy.findToxic(name) !== undefined);
      proxies.addToxic(proxy, toxic);
      return answer(reply, 200, toxic);
    }),
  );
  server.get<NamedToxic>("/proxies/:proxy/toxics/:toxic", async ({ params }, reply) =>
    answer(reply, 200, proxies.toxicOf(proxies.get(params.proxy), params.toxic)),
  );
  server.route<NamedToxic>({
    method: ["POST", "PATCH"],
    url: "/proxies/:proxy/toxics/:toxic",
    handler: (request, reply) =>
      proxies.inTurn(async () => {
        const proxy = proxies.get(request.params.proxy);
        const toxic = readToxicChange(bodyOf(request), proxies.toxicOf(proxy, request.params.toxic));
        proxies.updateToxic(proxy, toxic);
        return answer(reply, 200, toxic);
      }),
  });
  server.delete<NamedToxic>("/proxies/:proxy/toxics/:toxic", ({ params }, reply) =>
    proxies.inTurn(async () => {
      proxies.removeToxic(proxies.get(params.proxy), params.toxic);
      return reply.status(204).send();
    }),
  );
}

function addOtherRoutes(server: FastifyInstance, proxies: ProxyCollection): void {
  server.post("/reset", (_request, reply) =>
    proxies.inTurn(async () => {
      await proxies.reset();
      return reply.status(204).send();
    }),
  );
  server.get("/version", async (_request, reply) =>
    reply.type("application/json;charset=utf-8").send(Buffer.from(`{"version": "${TOXIPROXY_VERSION}"}\n`)),
  );
  const registry = createRegistry(() => proxies.all());
  server.get("/metrics", async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}

/** The error and what was made before it, in one answer. */
async function populate(proxies: ProxyCollection, body: string, reply: FastifyReply): Promise<FastifyReply> {
  const made: object[] = [];
  let refusal: ApiError | undefined;
  try {
    for (const order of readProxies(body)) made.push((await proxies.createOrReplace(order)).view());
  } catch (error) {
    refusal = refusalOf(error);
  }
  // An empty list of Go's is null.
  const list = { proxies: made.length === 0 ? null : made };
  return refusal === undefined
    ? answer(reply, 201, list)
    : answer(reply, refusal.status, { error: refusal.message, status: refusal.status, ...list });
}

/** Bytes, so that nothing adds a charset to the type: clients compare it as it is. */
function answer(reply: FastifyReply, status: number, body: object): FastifyReply {
  return reply
    .status(status)
    .header("content-type", "application/json")
    .send(Buffer.from(JSON.stringify(body)));
}

function refuse(reply: FastifyReply, error: unknown): void {
  const { status, message } = refusalOf(error);
  void plain(reply, status, JSON.stringify({ error: message, status }));
}

/** As Go's `http.Error`: text/plain whatever it is, and a line's end. */
function plain(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.status(status).header("x-content-type-options", "nosniff").type(TEXT).send(`${text}\n`);
}

/** What has no status is 500, as in Toxiproxy; fastify's own errors (a body above its bound) have one. */
function refusalOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const hasStatus = typeof error === "object" && error !== null && "statusCode" in error;
  const status = hasStatus && typeof error.statusCode === "number" ? error.statusCode : 500;
  return new ApiError(status, messageOf(error), { cause: error });
}

function byName(proxies: ProxyCollection): ReturnType<ReturnType<ProxyCollection["get"]>["view"]>[] {
  return proxies
    .all()
    .map((proxy) => proxy.view())
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function bodyOf({ body }: FastifyRequest): string {
  return typeof body === "string" ? body : "";
}

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0]!;
}
