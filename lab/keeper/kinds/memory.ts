/** The node holds memory that is in use, and touches it so that it stays so. */
import { z } from "zod";
import { nowMs, sleep } from "#core/host/clock.ts";
import { processUsage } from "../../process-stat.ts";
import { burdenBusyMs, seenUnburdened } from "./burden.ts";
import type { FaultKind } from "./kind.ts";
import { seenWell } from "./seen.ts";

const MIB = 1024 * 1024;
const FILL_MS_MAX = 10_000;
const POLL_MS = 50;

const attributes = z.strictObject({
  mebibytes: z.int().min(16).max(65_536).default(256).describe("Held, in use."),
});

export const memory: FaultKind = {
  kind: "memory_leak",
  aliases: ["memory"],
  meaning: "it holds memory that is in use",
  attributes,
  scaled: "mebibytes",
  embedded: {
    inject: ({ cast, target, attributes: given }) =>
      cast.misbehave(target, { kind: "memory", bytes: attributes.parse(given).mebibytes * MIB }),
    async verify({ nodes, attributes: given }) {
      const { mebibytes } = attributes.parse(given);
      const seen: string[] = [];
      for (const node of nodes) {
        // All of it is resident beside what the node has anyway.
        for (const untilMs = nowMs() + FILL_MS_MAX; ; await sleep(POLL_MS)) {
          const held = Math.round((processUsage(node.pid!)?.rssBytes ?? 0) / MIB);
          if (burdenBusyMs(node, "memory") !== undefined && held > mebibytes) {
            seen.push(`${node.node} has ${held} MiB resident`);
            break;
          }
          if (nowMs() >= untilMs)
            throw new Error(`${node.node} has ${held} MiB resident, asked were ${mebibytes} more`);
        }
      }
      return seen.join(", ");
    },
    remove: ({ cast, target }) => cast.revive(target),
    prove: async (scene) => `${await seenWell(scene)}; ${seenUnburdened(scene, "memory")}`,
  },
};
