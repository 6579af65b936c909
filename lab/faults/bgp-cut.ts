/** Only the node's BGP and BFD go silent; HTTP lives. Proven by its own word; the router notices by BFD or its hold timer. */
import { cableSaid } from "./cable-said.ts";
import type { Fault } from "./fault.ts";

export const bgpCut: Fault = {
  inject: ({ process }) => process.send({ do: "cut", what: "bgp" }),
  async confirm(target) {
    await cableSaid(target, "bgp-cut");
    return "the node says that its BGP is cut";
  },
  remove: ({ process }) => process.send({ do: "restore" }),
};
