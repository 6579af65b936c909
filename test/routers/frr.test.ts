/** FRR 8 and later, `bgpd` alone. */
import { bothWays } from "./both-ways.ts";
import { startFrr } from "./frr.ts";

bothWays({
  name: "FRR",
  programs: ["bgpd", "vtysh"],
  start: startFrr,
  folder: "frr",
  suffix: "conf",
  leavingPref: 0,
});
