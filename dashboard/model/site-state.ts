/** A site in one word, for its colour and its name: what the network says of it, and what its nodes can do. */
import type { PageNode, PageSite } from "../../core/wire/page.ts";

/** `withdrawn`: the Internet has no path to it. `graceful`: announced, and asks to be avoided. */
export type SiteNetwork = "announced" | "graceful" | "withdrawn";
/** `unknown`: nobody tells, because the gateway does not answer. */
export type NodeMood = "well" | "leaving" | "down" | "unknown";

export function networkOf({ isAnnounced, isGracefulShutdown }: PageSite): SiteNetwork {
  if (!isAnnounced) return "withdrawn";
  return isGracefulShutdown ? "graceful" : "announced";
}

export function moodOf({ fault, process, serving, gateway }: PageNode): NodeMood {
  if (fault === "bgp-cut" || serving === "draining" || gateway === "draining") return "leaving";
  if (fault !== null || (process !== null && process !== "running")) return "down";
  if (gateway === null) return "unknown";
  return gateway === "unhealthy" || gateway === "ejected" ? "down" : "well";
}
