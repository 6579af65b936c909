/** `tls` towards clients and `nodeTls` towards nodes: which files, and what is demanded of the other side. */
import { z } from "zod";

const CERTIFICATES_MAX = 1_000;

const file = (what: string) => z.string().min(1).max(4_096).describe(what);
const minVersion = z.enum(["TLSv1.2", "TLSv1.3"]).default("TLSv1.2");

export const tlsSchema = z.strictObject({
  certificates: z
    .array(
      z.strictObject({
        cert: file("Certificate with its chain, PEM."),
        key: file("Its private key, PEM, not encrypted."),
      }),
    )
    .min(1)
    .max(CERTIFICATES_MAX)
    .describe(
      "The first that is good for the name a client asks for (SNI) is used; for any other name the first.",
    ),
  minVersion: minVersion.describe("Oldest version of TLS that is spoken with clients."),
});

export const nodeTlsSchema = z
  .strictObject({
    isVerified: z
      .boolean()
      .default(true)
      .describe(
        "A node's certificate must be valid and bear its name. `false`: anybody may claim to be the node.",
      ),
    ca: file("Certificates that nodes' are signed by, PEM. Absent: those that Node brings.").optional(),
    cert: file("Certificate the gateway shows to nodes, PEM.").optional(),
    key: file("Its private key, PEM, not encrypted.").optional(),
    serverName: z
      .string()
      .regex(/^[A-Za-z0-9.-]{1,253}$/, "must be a host name")
      .optional()
      .describe("Name to ask for and to verify. Absent: the one in the node's `url`."),
    minVersion: minVersion.describe("Oldest version of TLS that is spoken with nodes."),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: "`cert` and `key` belong together: give both or neither",
  });

export type TlsConfig = Readonly<z.output<typeof tlsSchema>>;
export type NodeTlsConfig = Readonly<z.output<typeof nodeTlsSchema>>;
