/** A share of the answers comes later, while connections and health are quick: a slow dependency behind the node. */
import { z } from "zod";
import { ask, seenShare } from "./asking.ts";
import { percent, type EmbeddedScene, type FaultKind } from "./kind.ts";
import { seenWell } from "./seen.ts";

/** Late is what took so much of the delay. */
const LATE_PARTS = 0.8;

const attributes = z.strictObject({
  percent: percent(100, "Of a hundred requests."),
  delayMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(500)
    .describe("They wait so long before anything is done for them."),
});

export const slowAnswer: FaultKind = {
  kind: "slow_answer",
  aliases: ["upstream_timeout"],
  meaning: "a share of its answers comes later, while its health is quick",
  attributes,
  scaled: "delayMs",
  embedded: {
    inject: ({ cast, target, attributes: given }) =>
      cast.misbehave(target, { kind: "slow_answer", ...attributes.parse(given) }),
    verify(scene) {
      const { percent: share, delayMs } = attributes.parse(scene.attributes);
      return seenShare(
        scene,
        share,
        `came ${delayMs} ms late`,
        ({ tookMs }) => tookMs >= LATE_PARTS * delayMs,
      );
    },
    remove: ({ cast, target }) => cast.revive(target),
    prove: async (scene) => `${await seenWell(scene)}; ${await seenQuick(scene)}`,
  },
};

/** By the median, since a busy box makes single answers late. */
async function seenQuick(scene: EmbeddedScene): Promise<string> {
  const { delayMs } = attributes.parse(scene.attributes);
  for (const node of scene.nodes) {
    const took = (await ask(node, 100)).map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    const median = took[Math.floor(took.length / 2)]!;
    if (median >= LATE_PARTS * delayMs)
      throw new Error(`half of the answers of ${node.node} take ${Math.round(median)} ms`);
  }
  return "answers are quick";
}
