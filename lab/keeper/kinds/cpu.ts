/** A thread of the node computes for a share of the time. */
import { z } from "zod";
import { nowMs, sleep } from "#core/host/clock.ts";
import type { EmbeddedNode } from "../embedded-cast.ts";
import { burdenBusyMs, seenUnburdened } from "./burden.ts";
import { percent, type FaultKind } from "./kind.ts";
import { seenWell } from "./seen.ts";

const START_MS_MAX = 5_000;
const POLL_MS = 20;
const LOOK_MS = 500;
const SHARE_MIN = 0.8;

const attributes = z.strictObject({ percent: percent(80, "Of one core.") });

export const cpu: FaultKind = {
  kind: "cpu_stress",
  aliases: ["cpu"],
  meaning: "a thread of it computes for a share of the time",
  attributes,
  scaled: "percent",
  embedded: {
    inject: ({ cast, target, attributes: given }) =>
      cast.misbehave(target, { kind: "cpu", ...attributes.parse(given) }),
    async verify({ nodes, attributes: given }) {
      const { percent: asked } = attributes.parse(given);
      const shares = await Promise.all(nodes.map(burdenShare));
      const low = shares.findIndex((share) => share < asked * SHARE_MIN);
      if (low !== -1)
        throw new Error(
          `its thread in ${nodes[low]!.node} wants ${shares[low]} % of a core, asked were ${asked}`,
        );
      return nodes
        .map(({ node }, index) => `its thread in ${node} wants ${shares[index]} % of a core`)
        .join(", ");
    },
    remove: ({ cast, target }) => cast.revive(target),
    prove: async (scene) => `${await seenWell(scene)}; ${seenUnburdened(scene, "cpu")}`,
  },
};

/** In percent of a core, what it gets and what it waits for: on a busy box it gets less than it wants, and so does the node. */
async function burdenShare(node: EmbeddedNode): Promise<number> {
  const untilMs = nowMs() + START_MS_MAX;
  // A thread starts when its node has time for it.
  while (burdenBusyMs(node, "cpu") === undefined && nowMs() < untilMs) await sleep(POLL_MS);
  const startMs = nowMs();
  const before = burdenBusyMs(node, "cpu") ?? 0;
  await sleep(LOOK_MS);
  return Math.round((100 * ((burdenBusyMs(node, "cpu") ?? 0) - before)) / (nowMs() - startMs));
}
