/** `trustedProxies`: what stands in front of the gateway and is believed about where requests come from. */
import { isIP } from "node:net";
import { z } from "zod";

const NETWORKS_MAX = 1_000;

export const trustedProxiesSchema = z
  .array(
    z
      .string()
      .refine(isNetwork, "must be an address or a network, 192.0.2.7 or 10.0.0.0/8")
      .describe("An address or a network."),
  )
  .max(NETWORKS_MAX)
  .default([])
  .describe(
    "Peers whose X-Forwarded-For, -Proto and -Host are believed and added to; of all others they are replaced.",
  );

function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32));
}
