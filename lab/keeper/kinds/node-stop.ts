/** SIGTERM: it announces GRACEFUL_SHUTDOWN, serves until its traffic has gone, withdraws and exits; started anew at the end. */
import { NO_ATTRIBUTES, type FaultKind } from "./kind.ts";
import { seenRefused, seenWell } from "./seen.ts";

export const nodeStop: FaultKind = {
  kind: "node_stop",
  aliases: [],
  meaning: "SIGTERM: it drains, withdraws and exits",
  attributes: NO_ATTRIBUTES,
  embedded: {
    inject: ({ cast, target }) => cast.fail(target, "shutdown"),
    verify: seenRefused,
    remove: ({ cast, target }) => cast.revive(target),
    prove: seenWell,
  },
};
