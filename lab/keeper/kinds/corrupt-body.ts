/** A byte of a share of the bodies is a wrong one; no status, length or field shows it. */
import { z } from "zod";
import { seenNone, seenShare } from "./asking.ts";
import { percent, type FaultKind } from "./kind.ts";
import { seenWell } from "./seen.ts";

const attributes = z.strictObject({ percent: percent(50, "Of a hundred answers.") });

export const corruptBody: FaultKind = {
  kind: "corrupt_body",
  aliases: [],
  meaning: "a byte of a share of its bodies is wrong, and nothing else shows it",
  attributes,
  scaled: "percent",
  embedded: {
    inject: ({ cast, target, attributes: given }) =>
      cast.misbehave(target, { kind: "corrupt_body", ...attributes.parse(given) }),
    verify: (scene) =>
      seenShare(
        scene,
        attributes.parse(scene.attributes).percent,
        "are not what was sent",
        ({ isTrue }) => !isTrue,
      ),
    remove: ({ cast, target }) => cast.revive(target),
    prove: async (scene) =>
      `${await seenWell(scene)}; ${await seenNone(scene, "are not what was sent", ({ isTrue }) => !isTrue)}`,
  },
};
