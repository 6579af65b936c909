/** `resolver`: how names of nodes become addresses. */
import { isIP } from "node:net";
import { z } from "zod";

export const resolverSchema = z.strictObject({
  kind: z
    .enum(["dns", "system"])
    .default("dns")
    .describe(
      "`dns`: questions of the gateway's own, each name for itself, again when its time to live is over; `system`: getaddrinfo, where a name that nobody answers for can hold up others.",
    ),
  servers: z
    .array(z.string().refine(isServer, "must be an address, or address:port: 192.0.2.53, [2001:db8::53]:53"))
    .max(8)
    .default([])
    .describe("`dns`: who is asked; empty: those of /etc/resolv.conf."),
  timeoutMs: z
    .int()
    .min(50)
    .max(60_000)
    .default(2_000)
    .describe("`dns`: a question without an answer is asked again once after this long, then given up."),
});

function isServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, six, four, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  return isIP(six ?? four ?? "") !== 0 && Number(port) >= 1 && Number(port) <= 65_535;
}

export type ResolverConfig = Readonly<z.output<typeof resolverSchema>>;
