/** Only the node's BGP goes silent; HTTP lives. Proven by its own word; the router notices by its hold timer. */
import type { Fault } from "./fault.ts";

export const bgpCut: Fault = {
  endsProcess: false,
  inject: ({ process }) => process.send({ do: "cut", what: "bgp" }),
  async confirm(target) {
    await target.cableIs("bgp-cut");
    return "the node says its BGP is cut";
  },
  remove: ({ process }) => process.send({ do: "restore" }),
};
