import fc from "fast-check";
import { expect, test } from "vitest";
import { BFD_PACKET_BYTES, decodeBfd, encodeBfd, type BfdPacket } from "#bgp/bfd/packet.ts";

const PACKET: BfdPacket = {
  state: "up",
  diagnostic: 1,
  isPoll: true,
  isFinal: false,
  isControlPlaneIndependent: true,
  isDemand: true,
  detectMultiplier: 3,
  myDiscriminator: 0x01020304,
  yourDiscriminator: 0x05060708,
  desiredMinTxUs: 100_000,
  requiredMinRxUs: 200_000,
  requiredMinEchoRxUs: 0,
};

test("a packet stands on the wire as RFC 5880 §4.1 draws it", () => {
  const words = Buffer.from(encodeBfd(PACKET)).toString("hex").match(/.{8}/g);
  expect(words).toEqual(["21ea0318", "01020304", "05060708", "000186a0", "00030d40", "00000000"]);
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const packets: fc.Arbitrary<BfdPacket> = fc
  .record({
    state: fc.constantFrom("admin-down" as const, "down" as const, "init" as const, "up" as const),
    diagnostic: fc.integer({ min: 0, max: 31 }),
    isPoll: fc.boolean(),
    isFinal: fc.boolean(),
    isControlPlaneIndependent: fc.boolean(),
    isDemand: fc.boolean(),
    detectMultiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    yourDiscriminator: u32,
    desiredMinTxUs: u32,
    requiredMinRxUs: u32,
    requiredMinEchoRxUs: u32,
  })
  .filter(({ isPoll, isFinal }) => !(isPoll && isFinal))
  .filter(
    ({ state, yourDiscriminator }) => yourDiscriminator > 0 || state === "down" || state === "admin-down",
  );

test("what is encoded is decoded again", () => {
  fc.assert(
    fc.property(packets, (packet) => {
      expect(decodeBfd(encodeBfd(packet))).toEqual({ ok: true, packet });
    }),
  );
});

test("any bytes are a packet or a reason, never an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const decoded = decodeBfd(bytes);
      if (!decoded.ok) {
        expect(decoded.reason).not.toBe("");
        return;
      }
      expect(decoded.packet.myDiscriminator).toBeGreaterThan(0);
      expect(decoded.packet.detectMultiplier).toBeGreaterThan(0);
    }),
  );
});

test("one flipped bit never makes a packet an error", () => {
  fc.assert(
    fc.property(packets, fc.integer({ min: 0, max: BFD_PACKET_BYTES * 8 - 1 }), (packet, bit) => {
      const bytes = encodeBfd(packet);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      expect(typeof decodeBfd(bytes).ok).toBe("boolean");
    }),
  );
});

/** The rules of §6.8.6 that need no session, in its order: one octet of a good packet is changed. */
function checkDiscarded(offset: number, value: number, reason: string): void {
  const bytes = encodeBfd({ ...PACKET, isPoll: false, isDemand: false, isControlPlaneIndependent: false });
  bytes[offset] = value;
  expect(decodeBfd(bytes)).toEqual({ ok: false, reason });
}

test.each([
  ["version 0", 0, 0x01, "BFD version 0"],
  ["version 2", 0, 0x41, "BFD version 2"],
  ["a length below the header", 3, 23, "length field 23"],
  ["a length without room for authentication that it claims", 1, 0xc4, "length field 24"],
  ["a length beyond the datagram", 3, 25, "length field 25 in 24 bytes"],
  ["a detect multiplier of 0", 2, 0, "detect multiplier 0"],
  ["the multipoint bit", 1, 0xc1, "multipoint bit set"],
] as const)("%s is discarded", (_name, offset, value, reason) => checkDiscarded(offset, value, reason));

test("a packet without My Discriminator is discarded", () => {
  const bytes = encodeBfd(PACKET);
  bytes.fill(0, 4, 8);
  expect(decodeBfd(bytes)).toEqual({ ok: false, reason: "My Discriminator 0" });
});

test.each(["init", "up"] as const)("Your Discriminator 0 in state %s is discarded", (state) => {
  const bytes = encodeBfd({ ...PACKET, state, yourDiscriminator: 0 });
  expect(decodeBfd(bytes)).toEqual({ ok: false, reason: `Your Discriminator 0 in state ${state}` });
});

test.each(["down", "admin-down"] as const)("Your Discriminator 0 in state %s is a first word", (state) => {
  expect(decodeBfd(encodeBfd({ ...PACKET, state, yourDiscriminator: 0 })).ok).toBe(true);
});

test("an authenticated packet is discarded, for no authentication is in use", () => {
  const bytes = new Uint8Array(32);
  bytes.set(encodeBfd({ ...PACKET, isPoll: false }));
  bytes[1]! |= 0x04;
  bytes[3] = 32;
  expect(decodeBfd(bytes)).toEqual({ ok: false, reason: "authenticated, and no authentication is in use" });
});

test("bytes beyond the length are padding", () => {
  const bytes = new Uint8Array(40);
  bytes.set(encodeBfd(PACKET));
  expect(decodeBfd(bytes)).toEqual({ ok: true, packet: PACKET });
});

test("a short datagram is discarded", () => {
  expect(decodeBfd(encodeBfd(PACKET).subarray(0, 23))).toEqual({
    ok: false,
    reason: "23 bytes are too few for a BFD packet",
  });
});

test("a packet that is a poll and its answer cannot be made", () => {
  expect(() => encodeBfd({ ...PACKET, isFinal: true })).toThrow("not both");
});
