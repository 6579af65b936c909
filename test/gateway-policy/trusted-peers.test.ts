/** Who the client is, as far as those in front of the gateway are believed. */
import { expect, test } from "vitest";
import { trustedProxiesSchema } from "#gateway/config/trusted-proxies.ts";
import { TrustedPeers } from "#gateway/listener/trusted-peers.ts";

const TRUSTED = new TrustedPeers(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);

test.each([
  // Not trusted: whatever it says, it is the client.
  ["198.51.100.1", "203.0.113.9", "198.51.100.1"],
  ["10.1.2.3", "203.0.113.9", "203.0.113.9"],
  ["::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"],
  // From the right: what stands before somebody who is not trusted is hearsay.
  ["10.1.2.3", "1.1.1.1, 203.0.113.9, 192.0.2.7, 10.9.9.9", "203.0.113.9"],
  ["10.1.2.3", "10.9.9.9", "10.9.9.9"],
  ["10.1.2.3", "", "10.1.2.3"],
  ["10.1.2.3", "garbage", "10.1.2.3"],
  ["10.1.2.3", "1.1.1.1, garbage, 192.0.2.7", "192.0.2.7"],
  ["2001:db8::1", "2001:db9::5", "2001:db9::5"],
  ["2001:db9::1", "203.0.113.9", "2001:db9::1"],
])("peer %s says %j: %s", (peer, forwardedFor, client) => {
  expect(TRUSTED.clientOf(peer, forwardedFor)).toBe(client);
});

test("without a list nobody is trusted", () => {
  expect(new TrustedPeers([]).has("127.0.0.1")).toBe(false);
});

test.each(["10.0.0.0/33", "10.0.0", "::/129", "a.example", "10.0.0.0/8/8", ""])(
  "%j is no network",
  (text) => {
    expect(trustedProxiesSchema.safeParse([text]).success).toBe(false);
  },
);
