/**
 * `sticky`: whether requests that belong together go to one node. Off, as the services behind a gateway should keep no
 * state of their own (and a node that dies takes its sessions along, whatever the gateway does).
 */
import { z } from "zod";
import { readHashBy, type HashBy } from "../routing/request-key.ts";

const BY_EXPECTED = "must be `cookie`, `ip` or `header:NAME`";
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}";

export const stickySchema = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe("A client's requests go to one node of a site as long as that takes requests."),
  by: z
    .string()
    .regex(new RegExp(`^(cookie|ip|header:${TOKEN})$`), BY_EXPECTED)
    .default("cookie")
    .describe("How a client is known again: `cookie` (the gateway sets one), `ip` or `header:NAME`."),
  cookieName: z
    .string()
    .regex(new RegExp(`^${TOKEN}$`), "must be a cookie name: letters, digits and -_.")
    .default("anycastle-node")
    .describe("`cookie`: its name. Its value says nothing and cannot be guessed."),
  maxAgeS: z
    .int()
    .min(0)
    .max(31_536_000)
    .default(0)
    .describe("`cookie`: kept for so long; 0: until the browser is closed."),
  secret: z
    .string()
    .min(16)
    .max(256)
    .optional()
    .describe(
      "`cookie`: gateways with the same secret know each other's cookies. Absent: drawn at each start, and clients choose anew.",
    ),
});

export type StickyOptions =
  | {
      readonly by: "cookie";
      readonly cookie: string;
      readonly attributes: string;
      readonly secret: string | undefined;
    }
  | { readonly by: "key"; readonly of: HashBy };

/** Undefined: off. */
export function completeSticky(sticky: z.output<typeof stickySchema>): StickyOptions | undefined {
  if (!sticky.enabled) return undefined;
  if (sticky.by !== "cookie") return { by: "key", of: readHashBy(sticky.by) };
  const age = sticky.maxAgeS === 0 ? "" : `; Max-Age=${sticky.maxAgeS}`;
  return {
    by: "cookie",
    cookie: sticky.cookieName,
    attributes: `Path=/; HttpOnly; SameSite=Lax${age}`,
    secret: sticky.secret,
  };
}
