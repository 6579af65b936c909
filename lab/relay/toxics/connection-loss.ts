/**
 * Ours: a share of the new connections is lost. The share is the toxicity, as with every toxic. A lost connection is
 * accepted, because the kernel does that, but its node is never dialled, so no request of it is executed; it is silent for
 * ever (`timeout` 0), or reset after `timeout` ms. Open connections are left alone. It is no packet loss: TCP would
 * repair that, and a relay has no packets.
 *
 * Its stream has no meaning: what is never dialled is lost both ways.
 */
import { PASSING } from "./noop.ts";
import { attributeOf, type Toxic } from "./toxic.ts";

export const connectionLoss: Toxic = {
  type: "connection_loss",
  attributes: { timeout: "int64" },
  start: () => PASSING,
  admit(attributes, nowMs) {
    const timeoutMs = attributeOf(attributes, "timeout");
    return { resetMs: timeoutMs > 0 ? nowMs + timeoutMs : Infinity };
  },
};
