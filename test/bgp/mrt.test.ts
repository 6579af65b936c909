/** MRT files (RFC 6396): read back by a parser of the test's own, and by Debian's `bgpdump`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatIpv4,
  formatPrefix,
  maskTo,
  ORIGIN,
  parseIpv4,
  parsePrefix,
  SEGMENT,
  type PathAttributes,
} from "#bgp/messages.ts";
import { encodeMrtMessage, encodeMrtPeers, encodeMrtTable, type MrtPeer } from "#bgp/mrt/encode-mrt.ts";
import { parseMrt } from "./mrt-parser.ts";
import { bgpdump, whyNoBgpdump } from "./bgpdump.ts";

const COLLECTOR: MrtPeer = { as: 64_511, address: parseIpv4("198.18.255.255") };
const PEERS: readonly MrtPeer[] = [
  { as: 3320, address: parseIpv4("198.18.0.1") },
  { as: 4_200_000_001, address: parseIpv4("198.18.0.2") },
];
const PREFIX = parsePrefix("203.0.113.0/24");

function attributesOf(asPath: readonly number[], communities: readonly number[] = []): PathAttributes {
  return {
    origin: ORIGIN.igp,
    asPath: [{ kind: SEGMENT.sequence, ases: asPath }],
    nextHop: PEERS[0]!.address,
    ...(communities.length === 0 ? {} : { communities }),
  };
}

test("a table and the updates after it, with microseconds, by a parser written from the RFC", () => {
  const file = Buffer.concat([
    encodeMrtPeers(7, COLLECTOR, PEERS),
    encodeMrtTable(7, 0, PREFIX, [
      { peer: 1, originatedS: 3, attributes: attributesOf([4_200_000_001, 174, 64_500], [0xffff_0000]) },
    ]),
    encodeMrtMessage(12_345_678, PEERS[0]!, COLLECTOR, {
      type: "update",
      withdrawn: [],
      announced: [PREFIX],
      attributes: attributesOf([3320, 64_500, 64_500]),
    }),
    encodeMrtMessage(99_000_001, PEERS[1]!, COLLECTOR, {
      type: "update",
      withdrawn: [PREFIX],
      announced: [],
    }),
  ]);
  const collector = { as: 64_511, address: "198.18.255.255" };
  expect(parseMrt(file)).toEqual([
    {
      kind: "peers",
      atS: 7,
      collector: "198.18.255.255",
      peers: [
        { as: 3320, address: "198.18.0.1" },
        { as: 4_200_000_001, address: "198.18.0.2" },
      ],
    },
    {
      kind: "table",
      atS: 7,
      prefix: "203.0.113.0/24",
      routes: [
        {
          peer: 1,
          originatedS: 3,
          asPath: [4_200_000_001, 174, 64_500],
          nextHop: "198.18.0.1",
          communities: ["65535:0"],
        },
      ],
    },
    {
      kind: "update",
      atUs: 12_345_678,
      peer: { as: 3320, address: "198.18.0.1" },
      collector,
      withdrawn: [],
      announced: ["203.0.113.0/24"],
      attributes: { asPath: [3320, 64_500, 64_500], nextHop: "198.18.0.1", communities: [] },
    },
    {
      kind: "update",
      atUs: 99_000_001,
      peer: { as: 4_200_000_001, address: "198.18.0.2" },
      collector,
      withdrawn: ["203.0.113.0/24"],
      announced: [],
      attributes: undefined,
    },
  ]);
});

test("any prefix, any path, any moment comes back as it went in", () => {
  const address = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(
      address,
      fc.integer({ min: 0, max: 32 }),
      fc.array(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: 1, maxLength: 255 }),
      fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
      (bits, length, asPath, atUs) => {
        const prefix = { address: maskTo(bits, length), length };
        const attributes = attributesOf(asPath);
        const file = Buffer.concat([
          encodeMrtMessage(atUs, PEERS[0]!, COLLECTOR, {
            type: "update",
            withdrawn: [],
            announced: [prefix],
            attributes,
          }),
          encodeMrtTable(5, 0, prefix, [{ peer: 0, originatedS: 5, attributes }]),
        ]);
        const expected = { asPath, nextHop: formatIpv4(PEERS[0]!.address), communities: [] };
        expect(parseMrt(file)).toMatchObject([
          { kind: "update", atUs, announced: [formatPrefix(prefix)], attributes: expected },
          { kind: "table", prefix: formatPrefix(prefix), routes: [expected] },
        ]);
      },
    ),
  );
});

test("bgpdump reads the same", (context) => {
  const missing = whyNoBgpdump();
  if (missing !== undefined) return context.skip(missing);
  const dir = mkdtempSync(join(tmpdir(), "anycastle-mrt-"));
  try {
    const file = join(dir, "updates.mrt");
    writeFileSync(
      file,
      Buffer.concat([
        encodeMrtPeers(7, COLLECTOR, PEERS),
        encodeMrtTable(7, 0, PREFIX, [
          { peer: 1, originatedS: 7, attributes: attributesOf([4_200_000_001, 174, 64_500]) },
        ]),
        encodeMrtMessage(12_345_678, PEERS[0]!, COLLECTOR, {
          type: "update",
          withdrawn: [],
          announced: [PREFIX],
          attributes: attributesOf([3320, 64_500, 64_500], [0xffff_0000]),
        }),
        encodeMrtMessage(99_000_001, PEERS[1]!, COLLECTOR, {
          type: "update",
          withdrawn: [PREFIX],
          announced: [],
        }),
      ]),
    );
    expect(bgpdump(file)).toEqual([
      "TABLE_DUMP2|7|B|198.18.0.2|4200000001|203.0.113.0/24|4200000001 174 64500|IGP|198.18.0.1|0|0||NAG||",
      "BGP4MP_ET|12.345678|A|198.18.0.1|3320|203.0.113.0/24|3320 64500 64500|IGP|198.18.0.1|0|0|65535:0|NAG||",
      "BGP4MP_ET|99.000001|W|198.18.0.2|4200000001|203.0.113.0/24",
    ]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return undefined;
});
