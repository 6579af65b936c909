/** `host:port`, as Go's `net` package reads and complains about it: those are the texts clients of Toxiproxy know. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

const PORT_MAX = 65_535;

export interface Address {
  /** Without brackets; empty where none was given. */
  readonly host: string;
  readonly port: number;
}

/** Throws an `Error` with Go's text. */
export function parseAddress(text: string): Address {
  if (text === "") return { host: "", port: 0 };
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text);
  if (match === null) {
    const isLong = text.split(":").length > 2 && !text.startsWith("[");
    throw new Error(`address ${text}: ${isLong ? "too many colons in" : "missing port in"} address`);
  }
  const port = match[3] === "" ? 0 : Number(match[3]);
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new Error(`address ${match[3]}: invalid port`);
  }
  return { host: match[1] ?? match[2] ?? "", port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Its address in numbers. Throws an `Error` with Go's text. */
export async function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host, { family: 4 })).address;
  } catch (error) {
    throw new Error(`lookup ${host}: no such host`, { cause: error });
  }
}

export function isLoopback(address: string): boolean {
  return address === "::1" || /^127(?:\.\d{1,3}){3}$/.test(address);
}
