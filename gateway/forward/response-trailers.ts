/**
 * The trailers of a node's response as they go to the client. A trailer arrives when framing, routing and caching are
 * settled, so fields that bear on them are left out (RFC 9110 §6.5.1), and those of one hop (§7.6.1).
 */
const DROPPED = new Set([
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "expires",
  "host",
  "keep-alive",
  "location",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "www-authenticate",
]);

/** Names and values, in order; empty for what nearly every response has. */
export function readTrailers(raw: readonly Uint8Array[]): [string, string][] {
  const trailers: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = latin1(raw[index]!);
    if (!DROPPED.has(name.toLowerCase())) trailers.push([name, latin1(raw[index + 1]!)]);
  }
  return trailers;
}

function latin1(bytes: Uint8Array): string {
  return (bytes as Buffer).toString("latin1");
}
