/** An operator's hand on nodes and sites: drains, weights, and the emergency switch under the names it is known by elsewhere. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { UserError } from "#core/errors.ts";
import { nowMs } from "#core/host/clock.ts";
import type { Fleet, FleetNode } from "../forward/fleet.ts";

const WEIGHT_MAX = 10_000;

export const weightSchema = z.object({ weight: z.int().min(0).max(WEIGHT_MAX) });

export function addNodeRoutes(server: FastifyInstance, fleetOf: () => Fleet): void {
  server.post<{ Params: { id: string } }>("/nodes/:id/drain", async ({ params }) =>
    drainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
  );
  server.post<{ Params: { id: string } }>("/nodes/:id/undrain", async ({ params }) =>
    undrainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
  );
  server.post<{ Params: { id: string } }>("/sites/:id/drain", async ({ params }) =>
    drainAll(fleetOf(), siteNamed(fleetOf(), params.id)),
  );
  server.post<{ Params: { id: string } }>("/sites/:id/undrain", async ({ params }) =>
    undrainAll(fleetOf(), siteNamed(fleetOf(), params.id)),
  );
  // The emergency switch, under the names it is known by elsewhere.
  for (const what of ["nodes", "connections"]) {
    server.put<{ Params: { id: string } }>(`/api/v1/${what}/:id/disable`, async ({ params }) =>
      drainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
    );
    server.put<{ Params: { id: string } }>(`/api/v1/${what}/:id/enable`, async ({ params }) =>
      undrainAll(fleetOf(), [nodeNamed(fleetOf(), params.id)]),
    );
  }
  server.put<{ Params: { id: string }; Body: unknown }>("/nodes/:id/weight", async ({ params, body }) => {
    const fleet = fleetOf();
    const node = nodeNamed(fleet, params.id);
    const weight = weightOf(body);
    fleet.setWeight(node, weight, nowMs());
    return { node: node.id, weight };
  });
}

function drainAll(fleet: Fleet, nodes: readonly FleetNode[]): { nodes: string[] } {
  for (const node of nodes) fleet.apply(fleet.board.drain(node.index), nowMs());
  return { nodes: nodes.map(({ id }) => id) };
}

function undrainAll(fleet: Fleet, nodes: readonly FleetNode[]): { nodes: string[] } {
  for (const node of nodes) fleet.apply(fleet.board.undrain(node.index), nowMs());
  return { nodes: nodes.map(({ id }) => id) };
}

function nodeNamed(fleet: Fleet, id: string): FleetNode {
  const node = fleet.nodeById(id);
  if (node !== undefined) return node;
  throw new UserError("NODE_UNKNOWN", `there is no node "${id.slice(0, 80)}"`, {
    hint: `nodes are ${fleet.nodes.map((known) => known.id).join(", ")}`,
  });
}

function siteNamed(fleet: Fleet, id: string): FleetNode[] {
  const nodes = fleet.nodes.filter((node) => node.site === id);
  if (nodes.length > 0) return nodes;
  throw new UserError("SITE_UNKNOWN", `there is no site "${id.slice(0, 80)}"`, {
    hint: `sites are ${fleet.sites.map((known) => known.id).join(", ")}`,
  });
}

function weightOf(body: unknown): number {
  const parsed = weightSchema.safeParse(body);
  if (parsed.success) return parsed.data.weight;
  throw new UserError("WEIGHT_INVALID", `weight must be a whole number from 0 to ${WEIGHT_MAX}`, {
    hint: 'send {"weight": 100}',
  });
}
