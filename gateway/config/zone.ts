/** `balancer.zone`: where the gateway itself runs, and what that means for the choice of nodes. */
import { z } from "zod";
import type { ZoneOptions } from "../balancer/zone-share.ts";
import { id } from "./id.ts";

export const zoneSchema = z.strictObject({
  id: id("the zone").describe(
    "The gateway's own zone: nodes of it are asked first as long as they can carry what comes.",
  ),
  overprovisioning: z
    .number()
    .min(1)
    .max(10)
    .default(1.4)
    .describe("A zone carries its part while its healthy nodes, times this, are what the part needs."),
  trafficPercent: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe(
      "Of what comes to a site, so many percent come to gateways of this zone. Absent: as much as to each other zone.",
    ),
  nodesMin: z
    .int()
    .min(1)
    .max(1_000)
    .default(1)
    .describe("With fewer healthy nodes in its zone the gateway asks all zones alike."),
});

export function completeZone(
  zone: z.output<typeof zoneSchema> | undefined,
): (ZoneOptions & { readonly id: string }) | undefined {
  if (zone === undefined) return undefined;
  return {
    id: zone.id,
    factorPercent: Math.round(zone.overprovisioning * 100),
    trafficPercent: zone.trafficPercent,
    nodesMin: zone.nodesMin,
  };
}
