/** The URL under which a server on `host` is reached from this machine. */

/** An address that stands for all is reached on loopback; IPv6 addresses go in brackets. */
export function httpUrl(host: string, port: number): string {
  return `http://${urlHost(reachable(host))}:${port}`;
}

export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function reachable(host: string): string {
  if (!isWildcard(host)) return host;
  return host === "::" ? "::1" : "127.0.0.1";
}
