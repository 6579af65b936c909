/** `/etc/hosts` and `/etc/resolv.conf`, as far as names of nodes need them. Pure: texts in, tables out. */
import { isIP } from "node:net";

export interface SearchRules {
  /** Appended to short names, in this order. */
  readonly domains: readonly string[];
  /** A name with fewer dots is tried with them first. */
  readonly dotsMin: number;
}

/** Names in lower case. */
export function readHosts(text: string): Map<string, string[]> {
  const addresses = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names.map((each) => each.toLowerCase())) {
      addresses.set(name, [...(addresses.get(name) ?? []), address]);
    }
  }
  return addresses;
}

/** resolv.conf(5): the last `search` counts, and `ndots`. */
export function readSearch(text: string): SearchRules {
  let domains: readonly string[] = [];
  let dotsMin = 1;
  for (const line of text.split("\n")) {
    const [word, ...rest] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (word === "search" || word === "domain") domains = rest;
    if (word !== "options") continue;
    for (const option of rest) {
      const dots = /^ndots:(\d+)$/.exec(option)?.[1];
      if (dots !== undefined) dotsMin = Math.min(15, Number(dots));
    }
  }
  return { domains, dotsMin };
}

/** In the order in which they are tried. A name that ends in a dot is whole. */
export function candidatesOf(name: string, { domains, dotsMin }: SearchRules): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const long = domains.map((domain) => `${name}.${domain.replace(/\.$/, "")}`);
  const isShort = name.split(".").length - 1 < dotsMin;
  return isShort ? [...long, name] : [name, ...long];
}
