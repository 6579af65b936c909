/**
 * What the files of `tls` and `nodeTls` hold: read and checked whole before anything is put in force, so that a file that is
 * wrong leaves the certificates before in place. Reading again is how certificates are rotated: connections that stand keep
 * theirs, new ones get the new.
 */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import type { GatewayConfig } from "../config.ts";
import type { NodeTlsConfig, TlsConfig } from "../config/tls.ts";

interface ServedCertificate {
  /** PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly x509: X509Certificate;
  readonly context: SecureContext;
}

/** For connections to nodes. */
export interface NodeTls {
  readonly options: {
    readonly rejectUnauthorized: boolean;
    readonly minVersion: NodeTlsConfig["minVersion"];
    readonly ALPNProtocols: string[];
    readonly ca?: Buffer;
    readonly cert?: Buffer;
    readonly key?: Buffer;
    readonly servername?: string;
  };
  /** Equal for equal files and settings. */
  readonly fingerprint: string;
}

export class ServedCertificates {
  readonly #certificates: readonly ServedCertificate[];

  constructor(certificates: readonly ServedCertificate[]) {
    this.#certificates = certificates;
  }

  /** For clients that name nobody. */
  get first(): { readonly cert: Buffer; readonly key: Buffer } {
    return this.#certificates[0]!;
  }

  /** For the name a client asks for (RFC 6066 §3); the first for any other, or for none. */
  contextFor(name: string | undefined): SecureContext {
    const fitting =
      name === undefined
        ? undefined
        : this.#certificates.find(({ x509 }) => x509.checkHost(name) !== undefined);
    return (fitting ?? this.#certificates[0]!).context;
  }
}

export interface TlsMaterial {
  readonly served: ServedCertificates | undefined;
  readonly node: NodeTls | undefined;
}

/** Throws `TLS_UNREADABLE` or `TLS_UNFIT`, which name the file. */
export function readTls({ tls, nodeTls }: Pick<GatewayConfig, "tls" | "nodeTls">): TlsMaterial {
  return {
    served:
      tls === undefined
        ? undefined
        : new ServedCertificates(tls.certificates.map((pair) => served(pair, tls))),
    node: nodeTls === undefined ? undefined : readNodeTls(nodeTls),
  };
}

function served(
  { cert, key }: TlsConfig["certificates"][number],
  { minVersion }: TlsConfig,
): ServedCertificate {
  const [certPem, keyPem] = [read(cert), read(key)];
  try {
    return {
      cert: certPem,
      key: keyPem,
      x509: new X509Certificate(certPem),
      context: createSecureContext({ cert: certPem, key: keyPem, minVersion }),
    };
  } catch (error) {
    throw unfit(`${cert} and ${key}`, error);
  }
}

function readNodeTls({ isVerified, ca, cert, key, serverName, minVersion }: NodeTlsConfig): NodeTls {
  const files = {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
  };
  try {
    createSecureContext({ ...files, minVersion });
  } catch (error) {
    throw unfit([ca, cert, key].filter((name) => name !== undefined).join(", "), error);
  }
  const hash = createHash("sha256").update(`${isVerified} ${minVersion} ${serverName ?? ""}`);
  for (const [name, content] of Object.entries(files)) hash.update(`\n${name}\n`).update(content);
  return {
    options: {
      rejectUnauthorized: isVerified,
      minVersion,
      ALPNProtocols: ["http/1.1"],
      ...files,
      ...(serverName === undefined ? {} : { servername: serverName }),
    },
    fingerprint: hash.digest("hex"),
  };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError("TLS_UNREADABLE", `${file} cannot be read: ${messageOf(error)}`, {
      hint: "name PEM files that this user may read",
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}

function unfit(files: string, error: unknown): UserError {
  return new UserError("TLS_UNFIT", `${files}: ${messageOf(error)}`, {
    hint: "give a certificate in PEM and the private key that belongs to it, not encrypted",
    exitCode: EXIT.usage,
    cause: error,
  });
}
