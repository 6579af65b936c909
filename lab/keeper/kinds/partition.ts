/** A pulled cable: the process lives, every socket of it goes silent both ways, BGP and BFD too. */
import { isStopped } from "../embedded-cast.ts";
import { NO_ATTRIBUTES, type FaultKind } from "./kind.ts";
import { seenSilent, seenWell } from "./seen.ts";

export const partition: FaultKind = {
  kind: "partition",
  aliases: ["isolate"],
  meaning: "a pulled cable: it lives, and nothing passes in either direction",
  attributes: NO_ATTRIBUTES,
  embedded: {
    inject: ({ cast, target }) => cast.fail(target, "isolate"),
    async verify(scene) {
      const stopped = scene.nodes.find(isStopped);
      if (stopped !== undefined)
        throw new Error(`the process of ${stopped.node} is stopped, which is another fault`);
      return seenSilent(scene);
    },
    remove: ({ cast, target }) => cast.revive(target),
    prove: seenWell,
  },
};
