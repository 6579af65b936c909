/** A site in one word, for its colour and its name: what the network says of it, and what its nodes can do. */
import type { NodeStatus, SiteStatus } from "../../core/wire/control.ts";

/** `withdrawn`: the Internet has no path to it. `graceful`: announced, and asks to be avoided. */
export type SiteNetwork = "announced" | "graceful" | "withdrawn";
export type NodeMood = "well" | "leaving" | "down";

export function networkOf({ isAnnounced, isGracefulShutdown }: SiteStatus): SiteNetwork {
  if (!isAnnounced) return "withdrawn";
  return isGracefulShutdown ? "graceful" : "announced";
}

export function moodOf({ fault, process, serving, gateway }: NodeStatus): NodeMood {
  if (fault === "bgp-cut" || serving === "draining" || gateway === "draining") return "leaving";
  if (fault !== null || process !== "running") return "down";
  return gateway === "unhealthy" || gateway === "ejected" ? "down" : "well";
}
