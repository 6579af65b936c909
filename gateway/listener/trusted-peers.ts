/**
 * Whose word counts about where a request comes from: peers in these networks may name the client before them
 * (`X-Forwarded-For`, right-most first), everybody else is the client.
 */
import { BlockList, isIP } from "node:net";

/** Addresses in one field; more than any chain of proxies has. */
const ADDRESSES_MAX = 32;

export class TrustedPeers {
  readonly #list = new BlockList();
  readonly isEmpty: boolean;

  /** `10.0.0.0/8`, `::1`, `192.0.2.7`; as the configuration's schema has let through. */
  constructor(networks: readonly string[]) {
    this.isEmpty = networks.length === 0;
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  has(address: string): boolean {
    if (this.isEmpty) return false;
    const plain = unmapped(address);
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 6 ? "ipv6" : "ipv4");
  }

  /**
   * The client, as far as those who are trusted say: of the addresses from the right the first that is not trusted itself.
   * `forwardedFor`: as it came; what is no address ends the search, and whoever said it is the client.
   */
  clientOf(peer: string, forwardedFor: string): string {
    if (!this.has(peer)) return unmapped(peer);
    let client = unmapped(peer);
    const named = forwardedFor.split(",").slice(-ADDRESSES_MAX);
    for (let index = named.length - 1; index >= 0; index--) {
      const address = unmapped(named[index]!.trim());
      if (isIP(address) === 0) return client;
      client = address;
      if (!this.has(address)) return client;
    }
    return client;
  }
}

/** An IPv4 address that came over an IPv6 socket is that IPv4 address (RFC 4291 §2.5.5.2). */
function unmapped(address: string): string {
  return address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}
