/**
 * Removal of the fields that a Connection field names (RFC 9110 §7.6.1), in requests and responses.
 *
 * A sender may not use it to strip what the next hop's safety rests on: fields of framing, routing, authentication
 * and of this gateway stay, whatever Connection says.
 */
const PROTECTED = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "host",
  "idempotency-key",
  "range",
  "set-cookie",
  "via",
  "x-edge-node",
  "x-edge-route",
]);

/** Removes in place. `named` is the value of Connection, several fields joined by commas. */
export function stripNamedFields(fields: string[], named: string): void {
  const names = namesIn(named);
  if (names === undefined) return;
  let kept = 0;
  for (let index = 0; index < fields.length; index += 2) {
    if (names.has(fields[index]!.toLowerCase())) continue;
    fields[kept] = fields[index]!;
    fields[kept + 1] = fields[index + 1]!;
    kept += 2;
  }
  fields.length = kept;
}

/** Undefined for what nearly every request says: `keep-alive` or `close`. */
function namesIn(named: string): Set<string> | undefined {
  if (named === "keep-alive" || named === "close" || named === "Keep-Alive") return undefined;
  const names = new Set<string>();
  for (const token of named.toLowerCase().split(",")) {
    const name = token.trim();
    if (name !== "" && !PROTECTED.has(name)) names.add(name);
  }
  return names;
}
