/** A share of the answers is an error, while health says that all is well: a bad release. */
import { z } from "zod";
import { seenNone, seenShare } from "./asking.ts";
import { percent, type FaultKind } from "./kind.ts";
import { seenWell } from "./seen.ts";

const attributes = z.strictObject({
  percent: percent(50, "Of a hundred requests."),
  status: z.int().min(500).max(599).default(503).describe("What they are answered with."),
});

export const httpError: FaultKind = {
  kind: "http_error",
  aliases: ["bad_release"],
  meaning: "a share of its answers is a 5xx, while its health is fine",
  attributes,
  scaled: "percent",
  embedded: {
    inject: ({ cast, target, attributes: given }) =>
      cast.misbehave(target, { kind: "http_error", ...attributes.parse(given) }),
    verify(scene) {
      const { percent: share, status } = attributes.parse(scene.attributes);
      return seenShare(scene, share, `are ${status}`, (answer) => answer.status === status);
    },
    remove: ({ cast, target }) => cast.revive(target),
    prove: async (scene) =>
      `${await seenWell(scene)}; ${await seenNone(scene, "are 5xx", ({ status }) => status >= 500)}`,
  },
};
