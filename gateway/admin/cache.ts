/** What the cache keeps, and an end to it. */
import type { FastifyInstance } from "fastify";
import type { ResponseCache } from "../cache/response-cache.ts";

export function addCacheRoutes(
  server: FastifyInstance,
  cacheOf: () => ResponseCache | undefined,
  forgetNames: () => number,
): void {
  server.get("/api/v1/cache", async () => {
    const store = cacheOf()?.store;
    return { isOn: store !== undefined, entries: store?.count ?? 0, bytes: store?.bytes ?? 0 };
  });
  server.delete("/api/v1/cache", async () => ({
    cleared: { ...(cacheOf()?.clear() ?? { entries: 0, bytes: 0 }), names: forgetNames() },
  }));
}
