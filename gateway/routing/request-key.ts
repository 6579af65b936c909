/**
 * What requests are hashed by, where the balancer hashes: 32 bits that are equal for requests that belong together. A
 * request without the field or cookie named is hashed by its client's address.
 */
import { hashText } from "#core/prng.ts";

export type HashBy =
  | { readonly part: "ip" | "path" }
  | { readonly part: "header" | "cookie"; readonly name: string };

export interface KeySource {
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** Path and query. */
  readonly path: string;
  readonly address: string;
}

/** `ip`, `path`, `header:x-user`, `cookie:session`; as the configuration's schema has let through. */
export function readHashBy(text: string): HashBy {
  if (text === "ip" || text === "path") return { part: text };
  const colon = text.indexOf(":");
  const part = text.slice(0, colon) === "cookie" ? "cookie" : "header";
  const name = text.slice(colon + 1);
  return { part, name: part === "header" ? name.toLowerCase() : name };
}

export function requestKey(by: HashBy, source: KeySource): number {
  return hashText(valueOf(by, source) ?? source.address);
}

/** Undefined: the request has no such field or cookie. */
export function valueOf(by: HashBy, { fields, path, address }: KeySource): string | undefined {
  switch (by.part) {
    case "ip":
      return address;
    case "path":
      return path;
    case "header":
      return fieldNamed(fields, by.name);
    case "cookie":
      return cookieNamed(fieldNamed(fields, "cookie"), by.name);
  }
}

export function fieldNamed(fields: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) {
    if (fields[at]!.length === name.length && fields[at]!.toLowerCase() === name) return fields[at + 1];
  }
  return undefined;
}

/** RFC 6265 §4.2.1: `a=1; b=2`. */
export function cookieNamed(cookies: string | undefined, name: string): string | undefined {
  for (const pair of cookies?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
