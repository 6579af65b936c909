/**
 * `webSocket`: tunnels to nodes. Off, because a tunnel has no deadline, is in nobody's retry, and ends with its node: whoever wants
 * it should know.
 */
import { z } from "zod";

export const webSocketSchema = z.strictObject({
  isEnabled: z
    .boolean()
    .default(false)
    .describe("Upgrades to WebSocket go through to a node; `false`: they are answered by 501."),
  tunnelsMax: z.int().min(1).max(1_000_000).default(10_000).describe("Tunnels at the same time; 503 above."),
  handshakeTimeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(5_000)
    .describe(
      "A node that takes longer to accept the connection, or then to answer the handshake, is given up, ms.",
    ),
  idleTimeoutMs: z
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(3_600_000)
    .describe("A tunnel on which nothing was said for so long is closed (1001)."),
});

export type WebSocketConfig = Readonly<z.output<typeof webSocketSchema>>;
