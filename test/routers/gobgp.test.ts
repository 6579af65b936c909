/** GoBGP 3. It reads a local preference of 0 as "leave it alone": its example gives 1. */
import { bothWays } from "./both-ways.ts";
import { startGobgp } from "./gobgp.ts";

bothWays({
  name: "GoBGP",
  programs: ["gobgpd", "gobgp"],
  start: startGobgp,
  folder: "gobgp",
  suffix: "toml",
  leavingPref: 1,
});
