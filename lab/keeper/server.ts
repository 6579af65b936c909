/**
 * The keeper's API (`core/wire/keeper.ts`) on a socket in the runtime directory. The directory is closed to everybody but its user,
 * and no page of a browser reaches such a socket, so there is neither token nor origin.
 */
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { z } from "zod";
import { EXIT, UserError } from "#core/errors.ts";
import type { FaultReport } from "#core/wire/keeper.ts";
import { parseBody } from "../control/parse-body.ts";
import { FAULT_ID } from "./keeper-place.ts";
import type { Keeper } from "./keeper.ts";

const BODY_BYTES_MAX = 64 * 1024;
/** For so long a removal is waited for; it goes on after that. */
const WAIT_MS_MAX = 30_000;
const DRILL = /^[a-z0-9][a-z0-9-]{0,79}$/;

const call = z.strictObject({
  id: z.string().regex(FAULT_ID).optional(),
  kind: z.string().min(1).max(80),
  target: z.string().min(1).max(80),
  ttlMs: z.number(),
  intensity: z.number().gt(0).lte(1).default(1),
  attributes: z.record(z.string().max(80), z.union([z.string().max(1_024), z.number()])).default({}),
  drill: z.string().regex(DRILL).optional(),
});

export interface KeeperServer {
  /** Requests and drills that somebody is connected with. */
  readonly open: number;
  close(): Promise<void>;
}

export async function startKeeperServer(keeper: Keeper, path: string): Promise<KeeperServer> {
  const server = fastify({ logger: false, bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true });
  let open = 0;
  server.addHook("onRequest", async (_request, reply) => {
    open += 1;
    reply.raw.once("close", () => (open -= 1));
  });
  server.setErrorHandler((error: unknown, _request, reply) => {
    const { code, exitCode, hint, message } =
      error instanceof UserError
        ? error
        : new UserError("INTERNAL", String(error), { exitCode: EXIT.failure });
    void reply.status(exitCode === EXIT.usage ? 400 : 503).send({ error: { code, exitCode, message, hint } });
  });
  addRoutes(server, keeper);
  await server.listen({ path });
  return {
    get open() {
      return open;
    },
    close: () => server.close(),
  };
}

function addRoutes(server: FastifyInstance, keeper: Keeper): void {
  server.get("/v1/faults", async () => keeper.reports());
  server.post("/v1/faults", async ({ body }) => {
    const { drill, id, ...asked } = parseBody(call, body);
    return keeper.order({
      ...asked,
      ...(id === undefined ? {} : { id }),
      ...(drill === undefined ? {} : { drill }),
    });
  });
  server.delete<{ Params: { id: string } }>("/v1/faults/:id", async ({ params }) =>
    keeper.remove(params.id, WAIT_MS_MAX),
  );
  server.delete("/v1/faults", async () => keeper.removeAll("asked", WAIT_MS_MAX));
  server.get("/v1/changes", (_request, reply) => {
    reply.raw.once(
      "close",
      follow(keeper, reply, () => true),
    );
  });
  server.get<{ Params: { id: string } }>("/v1/drills/:id", (request, reply) => {
    const { id } = request.params;
    keeper.own(id);
    const stop = follow(keeper, reply, ({ drill }) => drill === id);
    reply.raw.once("close", () => {
      stop();
      void keeper.disown(id, WAIT_MS_MAX);
    });
  });
}

/** Changes as they come, until the returned function is called. */
function follow(keeper: Keeper, reply: FastifyReply, isWanted: (report: FaultReport) => boolean): () => void {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "application/x-ndjson" });
  reply.raw.flushHeaders();
  return keeper.subscribe((report) => {
    if (isWanted(report)) reply.raw.write(`${JSON.stringify(report)}\n`);
  });
}
