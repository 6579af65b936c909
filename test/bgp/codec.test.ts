import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBody, type Decoded } from "#bgp/decode.ts";
import { encodeMessage } from "#bgp/encode.ts";
import { MessageFramer } from "#bgp/framer.ts";
import {
  GRACEFUL_SHUTDOWN,
  maskTo,
  parsePrefix,
  SEGMENT,
  type AsSegment,
  type Message,
  type PathAttributes,
  type Prefix,
} from "#bgp/messages.ts";

const EXTERNAL = { asOctets: 4, isExternal: true } as const;
const CONTEXT = { asOctets: 4, isExternal: false } as const;
const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
/** AS 0 is nobody (RFC 7607). */
const asNumber = fc.integer({ min: 1, max: 0xffff_ffff });
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });

const prefix: fc.Arbitrary<Prefix> = fc
  .tuple(u32, fc.integer({ min: 0, max: 32 }))
  .map(([address, length]) => ({ address: maskTo(address, length), length }));
const segment: fc.Arbitrary<AsSegment> = fc.record({
  kind: fc.constantFrom(SEGMENT.set, SEGMENT.sequence),
  ases: fc.array(asNumber, { minLength: 1, maxLength: 20 }),
});
const attributes: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
    asPath: fc.array(segment, { maxLength: 5 }),
    nextHop: u32,
    med: u32,
    localPref: u32,
    isAtomicAggregate: fc.constant(true as const),
    aggregator: fc.record({ as: asNumber, address: u32 }),
    communities: fc.array(u32, { minLength: 1, maxLength: 100 }),
    largeCommunities: fc.array(fc.tuple(u32, u32, u32), { minLength: 1, maxLength: 20 }),
    unknown: fc.array(
      fc.record({
        flags: fc.constantFrom(0x80, 0xc0, 0xe0),
        type: fc.integer({ min: 100, max: 200 }),
        value: bytes(300),
      }),
      { minLength: 1, maxLength: 1 },
    ),
  },
  { requiredKeys: ["origin", "asPath", "nextHop"] },
);
const capability = fc.oneof(
  fc.record({ kind: fc.constant("multiprotocol" as const), afi: u16, safi: u8 }),
  fc.constant({ kind: "route-refresh" as const }),
  fc.record({
    kind: fc.constant("unknown" as const),
    code: fc.integer({ min: 66, max: 255 }),
    value: bytes(20),
  }),
);
const message: fc.Arbitrary<Message> = fc.oneof(
  fc
    .record({
      as: fc.integer({ min: 1, max: 0xffff_ffff }),
      holdTimeS: u16.filter((seconds) => seconds === 0 || seconds >= 3),
      bgpId: fc.integer({ min: 1, max: 0xffff_ffff }),
      others: fc.array(capability, { maxLength: 5 }),
    })
    .map(({ as, holdTimeS, bgpId, others }) => ({
      type: "open" as const,
      as,
      holdTimeS,
      bgpId,
      capabilities: [...others, { kind: "four-octet-as" as const, as }],
    })),
  fc
    .record({
      withdrawn: fc.array(prefix, { maxLength: 50 }),
      announced: fc.array(prefix, { minLength: 1, maxLength: 50 }),
      attributes,
    })
    .map((update) => ({ type: "update" as const, ...update })),
  fc
    .array(prefix, { maxLength: 50 })
    .map((withdrawn) => ({ type: "update" as const, withdrawn, announced: [] })),
  fc.record({ type: fc.constant("notification" as const), code: u8, subcode: u8, data: bytes(300) }),
  fc.constant({ type: "keepalive" as const }),
  fc.record({ type: fc.constant("route-refresh" as const), afi: u16, safi: u8 }),
);

function decode(encoded: Uint8Array): Decoded {
  const [frame] = new MessageFramer().push(encoded);
  if (frame === undefined) throw new Error("no whole message");
  return frame.ok ? decodeBody(frame.type, frame.body, CONTEXT) : frame;
}

test("what is encoded is what is decoded", () => {
  fc.assert(
    fc.property(message, (value) => {
      expect(decode(encodeMessage(value))).toEqual({ ok: true, message: value, remarks: [] });
    }),
    { numRuns: 500 },
  );
});

test("a stream cut anywhere gives the same messages", () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
      (messages, cuts) => {
        const stream = Buffer.concat(messages.map((value) => encodeMessage(value)));
        const framer = new MessageFramer();
        const seen: Message[] = [];
        let offset = 0;
        for (let index = 0; offset < stream.length; index++) {
          const end = offset + cuts[index % cuts.length]!;
          for (const frame of framer.push(stream.subarray(offset, end))) {
            if (!frame.ok) throw new Error(frame.fault.reason);
            const decoded = decodeBody(frame.type, frame.body, CONTEXT);
            if (decoded.ok) seen.push(decoded.message);
          }
          offset = end;
        }
        expect(seen).toEqual(messages);
      },
    ),
  );
});

test("no bytes make the decoder throw, and whatever is refused names its NOTIFICATION", () => {
  const check = (input: Uint8Array): void => {
    for (const frame of new MessageFramer().push(input)) {
      const decoded = frame.ok ? decodeBody(frame.type, frame.body, CONTEXT) : frame;
      if (decoded.ok) continue;
      expect(decoded.fault.code).toBeGreaterThan(0);
      expect(decoded.fault.code).toBeLessThan(4);
      expect(decoded.fault.reason).not.toBe("");
    }
  };
  fc.assert(fc.property(bytes(6000), check));
  const header = new Uint8Array(19).fill(0xff, 0, 16);
  // Any body of any type behind a good header.
  fc.assert(
    fc.property(u8, bytes(300), (type, body) => {
      const whole = Uint8Array.of(...header, ...body);
      new DataView(whole.buffer).setUint16(16, whole.length);
      whole[18] = type;
      check(whole);
    }),
    { numRuns: 2000 },
  );
  // A good message with one bit turned.
  fc.assert(
    fc.property(message, fc.nat(), (value, at) => {
      const encoded = encodeMessage(value);
      const bit = at % (encoded.length * 8);
      encoded[bit >> 3]! ^= 1 << (bit & 7);
      check(encoded);
    }),
    { numRuns: 2000 },
  );
});

test("a truncated message is waited for, never more than one message long", () => {
  fc.assert(
    fc.property(message, fc.nat(), (value, at) => {
      const encoded = encodeMessage(value);
      expect(new MessageFramer().push(encoded.subarray(0, at % encoded.length))).toEqual([]);
    }),
  );
});

/** Header with the given length field and type, and nothing else. */
function header(length: number, type: number): Uint8Array {
  const whole = new Uint8Array(19).fill(0xff, 0, 16);
  new DataView(whole.buffer).setUint16(16, length);
  whole[18] = type;
  return whole;
}

test.each([
  ["a marker that is not all ones", new Uint8Array(19), 1, 1, []],
  ["a length below 19", header(18, 4), 1, 2, [0, 18]],
  ["a length above 4096", header(4097, 2), 1, 2, [0x10, 0x01]],
  ["a KEEPALIVE with a body", header(20, 4), 1, 2, [0, 20]],
  ["a KEEPALIVE too long by any", header(4096, 4), 1, 2, [0x10, 0x00]],
  ["an OPEN too short", header(28, 1), 1, 2, [0, 28]],
  ["an UPDATE too short", header(22, 2), 1, 2, [0, 22]],
  ["a NOTIFICATION too short", header(20, 3), 1, 2, [0, 20]],
  ["a ROUTE-REFRESH too short", header(22, 5), 1, 2, [0, 22]],
  ["a length above 4096 of a KEEPALIVE", header(0xffff, 4), 1, 2, [0xff, 0xff]],
  ["type 0", header(19, 0), 1, 3, [0]],
  ["a bad length before a bad type", header(18, 9), 1, 2, [0, 18]],
  ["a type nobody knows", header(19, 9), 1, 3, [9]],
] as const)("the header: %s", (_name, encoded, code, subcode, data) => {
  const decoded = decode(encoded);
  expect(decoded).toMatchObject({ ok: false, fault: { code, subcode } });
  if (!decoded.ok) expect([...decoded.fault.data]).toEqual([...data]);
});

test.each([
  ["another version", [3, 0, 1, 0, 90, 1, 2, 3, 4, 0], 1],
  ["a hold time of 1 s", [4, 0, 1, 0, 1, 1, 2, 3, 4, 0], 6],
  ["a BGP identifier of zero", [4, 0, 1, 0, 90, 0, 0, 0, 0, 0], 3],
  ["AS 0", [4, 0, 0, 0, 90, 1, 2, 3, 4, 0], 2],
  ["AS_TRANS without the capability", [4, 0x5b, 0xa0, 0, 90, 1, 2, 3, 4, 0], 2],
  ["an optional parameter that is not capabilities", [4, 0, 1, 0, 90, 1, 2, 3, 4, 2, 1, 0], 4],
  ["parameters that do not add up", [4, 0, 1, 0, 90, 1, 2, 3, 4, 5, 2, 9], 0],
] as const)("OPEN: %s", (_name, body, subcode) => {
  const decoded = decodeBody(1, Uint8Array.from(body), CONTEXT);
  expect(decoded).toMatchObject({ ok: false, fault: { code: 2, subcode } });
});

/** An UPDATE that announces 203.0.113.0/24 with these raw attributes. */
function update(
  attributes: readonly number[],
  context: { asOctets: 2 | 4; isExternal: boolean } = CONTEXT,
): Decoded {
  const length = [attributes.length >> 8, attributes.length & 255];
  return decodeBody(2, Uint8Array.of(0, 0, ...length, ...attributes, 24, 203, 0, 113), context);
}

const ORIGIN_OK = [0x40, 1, 1, 0];
const PATH_OK = [0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4];
const HOP_OK = [0x40, 3, 4, 192, 0, 2, 1];
const GOOD = [...ORIGIN_OK, ...PATH_OK, ...HOP_OK];
const TEST_NET = parsePrefix("203.0.113.0/24");

test("a good UPDATE carries its route", () => {
  expect(update([...GOOD, 0xc0, 8, 4, 0xff, 0xff, 0, 0])).toMatchObject({
    ok: true,
    message: { announced: [TEST_NET], attributes: { communities: [GRACEFUL_SHUTDOWN] } },
  });
});

test.each([
  ["ORIGIN missing", [...PATH_OK, ...HOP_OK]],
  ["NEXT_HOP missing", [...ORIGIN_OK, ...PATH_OK]],
  ["ORIGIN of 3", [0x40, 1, 1, 3, ...PATH_OK, ...HOP_OK]],
  ["ORIGIN flagged optional", [0xc0, 1, 1, 0, ...PATH_OK, ...HOP_OK]],
  ["AS_PATH with an unknown segment", [...ORIGIN_OK, 0x40, 2, 6, 9, 1, 0, 0, 0, 1, ...HOP_OK]],
  ["AS_PATH with an empty segment", [...ORIGIN_OK, 0x40, 2, 2, 2, 0, ...HOP_OK]],
  ["AS_PATH with AS 0", [...ORIGIN_OK, 0x40, 2, 6, 2, 1, 0, 0, 0, 0, ...HOP_OK]],
  ["AS_PATH with a confederation segment", [...ORIGIN_OK, 0x40, 2, 6, 3, 1, 0, 0, 0, 1, ...HOP_OK]],
  ["AS_PATH missing", [...ORIGIN_OK, ...HOP_OK]],
  ["ORIGIN of no octets", [0x40, 1, 0, ...PATH_OK, ...HOP_OK]],
  ["COMMUNITIES of no octets", [...GOOD, 0xc0, 8, 0]],
  ["COMMUNITIES flagged well-known", [...GOOD, 0x40, 8, 4, 0, 0, 0, 1]],
  ["MED flagged transitive", [...GOOD, 0xc0, 4, 4, 0, 0, 0, 1]],
  ["LOCAL_PREF of three octets from an internal peer", [...GOOD, 0x40, 5, 3, 0, 0, 9]],
  ["one octet behind the last attribute", [...GOOD, 0x40]],
  ["AS_PATH cut short", [...ORIGIN_OK, 0x40, 2, 4, 2, 1, 0, 0, ...HOP_OK]],
  ["NEXT_HOP of three octets", [...ORIGIN_OK, ...PATH_OK, 0x40, 3, 3, 1, 2, 3]],
  ["MED of two octets", [...GOOD, 0x80, 4, 2, 0, 1]],
  ["COMMUNITIES of three octets", [...GOOD, 0xc0, 8, 3, 1, 2, 3]],
  ["LARGE_COMMUNITY of four octets", [...GOOD, 0xc0, 32, 4, 1, 2, 3, 4]],
  ["an attribute that runs past the end", [...GOOD, 0xc0, 99, 200, 1]],
] as const)("RFC 7606 treats as withdrawn: %s", (_name, attributes) => {
  const decoded = update(attributes);
  expect(decoded).toMatchObject({ ok: true, message: { withdrawn: [TEST_NET], announced: [] } });
  if (decoded.ok) expect(decoded.remarks[0]).toMatch(/^treat-as-withdraw/);
});

test.each([
  ["ATOMIC_AGGREGATE with a body", [...GOOD, 0x40, 6, 1, 0], CONTEXT],
  ["AGGREGATOR of five octets", [...GOOD, 0xc0, 7, 5, 1, 2, 3, 4, 5], CONTEXT],
  ["AGGREGATOR of AS 0", [...GOOD, 0xc0, 7, 8, 0, 0, 0, 0, 1, 2, 3, 4], CONTEXT],
  ["AS4_PATH between 4-octet speakers", [...GOOD, 0xc0, 17, 6, 2, 1, 0, 0, 0, 1], CONTEXT],
  ["AS4_AGGREGATOR between 4-octet speakers", [...GOOD, 0xc0, 18, 8, 0, 0, 0, 1, 1, 2, 3, 4], CONTEXT],
  ["ORIGINATOR_ID from an external peer", [...GOOD, 0x80, 9, 4, 1, 2, 3, 4], EXTERNAL],
  ["CLUSTER_LIST from an external peer", [...GOOD, 0x80, 10, 4, 1, 2, 3, 4], EXTERNAL],
  ["a second ORIGIN", [...GOOD, ...ORIGIN_OK], CONTEXT],
  ["LOCAL_PREF from an external peer", [...GOOD, 0x40, 5, 4, 0, 0, 0, 9], EXTERNAL],
] as const)("RFC 7606 discards the attribute and keeps the route: %s", (_name, attributes, context) => {
  const decoded = update(attributes, context);
  expect(decoded).toMatchObject({ ok: true, message: { announced: [TEST_NET] } });
  if (decoded.ok) expect(decoded.remarks[0]).toMatch(/^discard/);
});

test("a well-known attribute nobody knows ends the session with the attribute as data", () => {
  const decoded = update([...GOOD, 0x40, 77, 1, 5]);
  expect(decoded).toMatchObject({ ok: false, fault: { code: 3, subcode: 2 } });
  if (!decoded.ok) expect([...decoded.fault.data]).toEqual([0x40, 77, 1, 5]);
});

test.each([14, 15])("attribute %i twice ends the session", (type) => {
  const attribute = [0x80, type, 3, 0, 2, 1];
  expect(update([...GOOD, ...attribute])).toMatchObject({ ok: true, message: { announced: [TEST_NET] } });
  expect(update([...GOOD, ...attribute, ...attribute])).toMatchObject({
    ok: false,
    fault: { code: 3, subcode: 1 },
  });
});

test("a malformed AS4_PATH costs itself, not the route", () => {
  const path = [0x40, 2, 4, 2, 1, 0x5b, 0xa0];
  const decoded = update([...ORIGIN_OK, ...path, ...HOP_OK, 0xc0, 17, 6, 2, 1, 0, 0, 0, 0], {
    asOctets: 2,
    isExternal: true,
  });
  expect(decoded).toMatchObject({ ok: true, message: { announced: [TEST_NET] } });
});

test("a withdrawal needs no attributes, and spoilt ones do not hide it", () => {
  const withdrawn = [24, 203, 0, 113];
  expect(decodeBody(2, Uint8Array.of(0, 4, ...withdrawn, 0, 0), CONTEXT)).toMatchObject({
    ok: true,
    message: { withdrawn: [TEST_NET], announced: [] },
  });
  expect(decodeBody(2, Uint8Array.of(0, 4, ...withdrawn, 0, 4, 0x40, 1, 1, 9), CONTEXT)).toMatchObject({
    ok: true,
    message: { withdrawn: [TEST_NET], announced: [] },
  });
});

test("optional attributes nobody knows pass through", () => {
  expect(update([...GOOD, 0xc0, 99, 2, 7, 8])).toMatchObject({
    ok: true,
    message: { attributes: { unknown: [{ flags: 0xc0, type: 99, value: Uint8Array.of(7, 8) }] } },
  });
});

test("OPEN with extended optional parameters (RFC 9072) is read", () => {
  const capability = [65, 4, 0, 0, 0xfb, 0xf4];
  const body = [4, 0x5b, 0xa0, 0, 90, 1, 2, 3, 4, 255, 255, 0, 9, 2, 0, 6, ...capability];
  expect(decodeBody(1, Uint8Array.from(body), CONTEXT)).toMatchObject({
    ok: true,
    message: { as: 64_500, holdTimeS: 90 },
  });
});

test("what does not fit one message is a bug of the caller, not a broken message", () => {
  const announced = Array.from({ length: 1500 }, (_, index) => ({ address: (index << 8) >>> 0, length: 24 }));
  const attributes: PathAttributes = { origin: 0, asPath: [], nextHop: 1 };
  expect(() => encodeMessage({ type: "update", withdrawn: [], announced, attributes })).toThrow(/4096/);
});

test("lengths that exceed the message and prefixes longer than 32 bits end the session", () => {
  expect(decodeBody(2, Uint8Array.of(0, 9, 0, 0), CONTEXT)).toMatchObject({ fault: { code: 3, subcode: 1 } });
  expect(decodeBody(2, Uint8Array.of(0, 1, 33, 0, 0), CONTEXT)).toMatchObject({
    fault: { code: 3, subcode: 10 },
  });
});

test("a 2-octet session hides large AS numbers behind AS_TRANS and brings them back from AS4_PATH", () => {
  fc.assert(
    fc.property(fc.array(asNumber, { minLength: 1, maxLength: 20 }), (ases) => {
      const value: Message = {
        type: "update",
        withdrawn: [],
        announced: [TEST_NET],
        attributes: { origin: 0, asPath: [{ kind: SEGMENT.sequence, ases }], nextHop: 1 },
      };
      const [frame] = new MessageFramer().push(encodeMessage(value, { asOctets: 2 }));
      if (frame === undefined || !frame.ok) throw new Error("no frame");
      expect(decodeBody(frame.type, frame.body, { asOctets: 2, isExternal: true })).toMatchObject({
        message: value,
      });
    }),
  );
});
