/** Only its BGP and BFD go silent; HTTP lives. What is to be seen is seen by its router: the session ends, the site withdraws. */
import { NO_ATTRIBUTES, type FaultKind } from "./kind.ts";
import { seenWell } from "./seen.ts";

export const bgpHang: FaultKind = {
  kind: "bgp_hang",
  aliases: ["bgp-cut"],
  meaning: "its BGP and BFD go silent, HTTP lives; the router withdraws it",
  attributes: NO_ATTRIBUTES,
  embedded: {
    inject: ({ cast, target }) => cast.fail(target, "bgp-cut"),
    verify: ({ cast, target }) => cast.untilBgp(target, "down"),
    remove: ({ cast, target }) => cast.revive(target),
    prove: seenWell,
  },
};
