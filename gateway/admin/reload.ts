/** Reloading by the admin API: what a reload would change, and the reload itself. */
import type { FastifyInstance } from "fastify";
import type { ReloadResult } from "../gateway.ts";

/** Understood, and not put in force. */
const UNPROCESSABLE = 422;

/** `isTrial`: only say what would change. */
export type Reload = (isTrial: boolean) => ReloadResult;

export function addReloadRoutes(server: FastifyInstance, reload: Reload): void {
  server.get("/api/v1/reload", async () => reload(true));
  server.post("/api/v1/reload", async (_request, reply) => {
    const result = reload(false);
    if (!result.isApplied) void reply.status(UNPROCESSABLE);
    return result;
  });
}
