/**
 * Faults that end by themselves, over the control API of the lab: what `chaos run` and pages call. The lab hands each on to the
 * keeper of its runtime directory, which holds it whatever becomes of the lab's callers.
 */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { FaultReport } from "#core/wire/keeper.ts";
import { KeeperClient } from "../keeper/client.ts";
import { FAULT_ID } from "../keeper/keeper-place.ts";
import type { Lab } from "../lab.ts";
import { parseBody } from "./parse-body.ts";

const order = z.strictObject({
  id: z.string().regex(FAULT_ID, "1 to 80 letters, digits, - _ . or :").optional(),
  kind: z.string().min(1).max(80),
  target: z.string().min(1).max(80),
  ttlMs: z.number(),
  intensity: z.number().gt(0).lte(1).default(1),
  attributes: z.record(z.string().max(80), z.union([z.string().max(1_024), z.number()])).default({}),
});

export const FAULT_PATHS = [
  "GET /api/v1/faults",
  "POST /api/v1/faults",
  "DELETE /api/v1/faults",
  "DELETE /api/v1/faults/ID",
];

export function addFaultRoutes(server: FastifyInstance, { runtimeDir }: Lab): void {
  server.get("/api/v1/faults", () => ofThoseInForce(runtimeDir, (keeper) => keeper.list()));
  server.post("/api/v1/faults", async ({ body }) => {
    const { id, ...asked } = parseBody(order, body);
    const keeper = await KeeperClient.reach(runtimeDir);
    return using(keeper, () => keeper.add(id === undefined ? asked : { id, ...asked }));
  });
  server.delete("/api/v1/faults", () => ofThoseInForce(runtimeDir, (keeper) => keeper.reset()));
  server.delete<{ Params: { id: string } }>("/api/v1/faults/:id", async ({ params }) => {
    const keeper = await KeeperClient.reach(runtimeDir);
    return using(keeper, () => keeper.remove(params.id));
  });
}

/** Without any in force no keeper is started to say so. */
async function ofThoseInForce(
  dir: string,
  act: (keeper: KeeperClient) => Promise<FaultReport[]>,
): Promise<FaultReport[]> {
  const keeper = await KeeperClient.reachIfAny(dir);
  return keeper === undefined ? [] : using(keeper, act);
}

async function using<T>(keeper: KeeperClient, act: (keeper: KeeperClient) => Promise<T>): Promise<T> {
  try {
    return await act(keeper);
  } finally {
    await keeper.close();
  }
}
