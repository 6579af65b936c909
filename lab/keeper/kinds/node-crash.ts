/** SIGKILL: the process is gone, the kernel closes its sockets; the lab starts it anew when the fault ends. */
import { NO_ATTRIBUTES, type FaultKind } from "./kind.ts";
import { seenRefused, seenWell } from "./seen.ts";

export const nodeCrash: FaultKind = {
  kind: "service_crash",
  aliases: ["node_crash"],
  meaning: "SIGKILL: the process is gone, connections are refused",
  attributes: NO_ATTRIBUTES,
  embedded: {
    inject: ({ cast, target }) => cast.fail(target, "kill"),
    verify: seenRefused,
    remove: ({ cast, target }) => cast.revive(target),
    prove: seenWell,
  },
};
