/** A node's own word that its cable was cut or put back (`node.cable`): only the node can know. */
import type { FaultTarget } from "./fault.ts";

/** A command is carried out in the turn in which it is read; the rest is for a slow box. */
const CABLE_MS_MAX = 2_000;

export async function cableSaid(target: FaultTarget, state: "cut" | "bgp-cut"): Promise<void> {
  await target.hear(
    (event) => event.kind === "node.cable" && event.state === state,
    CABLE_MS_MAX,
    `${target.node} to say that its cable is ${state}`,
  );
}
