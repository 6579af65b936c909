/** PROXY headers as bytes: versions 1 and 2, whole, in pieces, wrong. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readProxyHeader } from "#gateway/listener/proxy-protocol.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";

/** Version 2: command and version, family, addresses and extensions. */
function v2(head: string, family: string, rest: string): Buffer {
  const length = (rest.length / 2).toString(16).padStart(4, "0");
  return Buffer.from(`${SIGNATURE}${head}${family}${length}${rest}`, "hex");
}

/** Source, destination, their ports. */
const TCP4 = ["c0000207", "7f000001", "d431", "1f90"].join("");
const TCP6 = ["20010db8000000000000000000000007", "0".repeat(31), "1", "d431", "1f90"].join("");
/** A checksum extension that is right for TCP4 (CRC-32C over the header with zeros in its place). */
const CHECKED = v2("21", "11", `${TCP4}03000400000000`);

const CRC = (() => {
  let value = 0xffff_ffff;
  for (const byte of CHECKED) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0x82f63b78;
  }
  return (~value >>> 0).toString(16).padStart(8, "0");
})();

const WHOLE: readonly (readonly [string, Buffer, unknown])[] = [
  [
    "version 1, IPv4",
    Buffer.from("PROXY TCP4 192.0.2.7 127.0.0.1 54321 8080\r\n"),
    { address: "192.0.2.7", port: 54_321 },
  ],
  [
    "version 1, IPv6",
    Buffer.from("PROXY TCP6 2001:db8::7 ::1 54321 8080\r\n"),
    { address: "2001:db8::7", port: 54_321 },
  ],
  ["version 1, unknown", Buffer.from("PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n"), undefined],
  ["version 1, unknown, short", Buffer.from("PROXY UNKNOWN\r\n"), undefined],
  ["version 2, IPv4", v2("21", "11", TCP4), { address: "192.0.2.7", port: 54_321 }],
  ["version 2, IPv6", v2("21", "21", TCP6), { address: "2001:db8::7", port: 54_321 }],
  [
    "version 1, IPv6 spelt at length",
    Buffer.from("PROXY TCP6 2001:DB8:0:0::0007 ::1 54321 0\r\n"),
    { address: "2001:db8::7", port: 54_321 },
  ],
  [
    "version 2, IPv4 within IPv6",
    v2("21", "21", `${"0".repeat(20)}ffffc0000207${"0".repeat(31)}1d4311f90`),
    { address: "192.0.2.7", port: 54_321 },
  ],
  ["version 2, a datagram", v2("21", "12", TCP4), undefined],
  ["version 2, with extensions", v2("21", "11", `${TCP4}0400020000`), { address: "192.0.2.7", port: 54_321 }],
  ["version 2, checked", v2("21", "11", `${TCP4}030004${CRC}`), { address: "192.0.2.7", port: 54_321 }],
  ["version 2, local", v2("20", "00", ""), undefined],
  ["version 2, local, with addresses", v2("20", "11", TCP4), undefined],
  ["version 2, a path", v2("21", "31", "00".repeat(216)), undefined],
];

test.each(WHOLE)("%s", (_name, header, source) => {
  const behind = Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n")]);
  expect(readProxyHeader(behind)).toEqual({ is: "whole", bytes: header.length, source });
  for (let length = 0; length < header.length; length++) {
    expect(readProxyHeader(header.subarray(0, length))).toEqual({ is: "more" });
  }
});

test.each([
  ["a request", Buffer.from("GET / HTTP/1.1\r\n")],
  ["a TLS hello", Buffer.from("160301020001", "hex")],
  ["an address that is none", Buffer.from("PROXY TCP4 192.0.2.256 127.0.0.1 1 2\r\n")],
  ["a name", Buffer.from("PROXY TCP4 localhost 127.0.0.1 1 2\r\n")],
  ["a port that is none", Buffer.from("PROXY TCP4 192.0.2.7 127.0.0.1 65536 2\r\n")],
  ["IPv6 that says it is IPv4", Buffer.from("PROXY TCP4 ::1 ::1 1 2\r\n")],
  ["a line without an end", Buffer.from(`PROXY TCP4 ${"1".repeat(120)}`)],
  ["IPv6 that is none", Buffer.from("PROXY TCP6 :::: ::1 1 2\r\n")],
  ["a destination that is none", Buffer.from("PROXY TCP4 192.0.2.7 somewhere 1 2\r\n")],
  ["a port with a heading zero", Buffer.from("PROXY TCP4 192.0.2.7 127.0.0.1 01 2\r\n")],
  ["a destination's port that is none", Buffer.from("PROXY TCP4 192.0.2.7 127.0.0.1 1 65536\r\n")],
  ["a family that does not exist", v2("21", "41", TCP4)],
  ["a transport that does not exist", v2("21", "13", TCP4)],
  ["another signature", Buffer.from("0d0a0d0a000d0a5155495400", "hex")],
  ["version 3", v2("31", "11", TCP4)],
  ["another command", v2("22", "11", TCP4)],
  ["no room for the addresses", v2("21", "11", TCP4.slice(2))],
  ["an extension that breaks off", v2("21", "11", `${TCP4}0400`)],
  ["an extension beyond the header", v2("21", "11", `${TCP4}04000500`)],
  ["a wrong checksum", v2("21", "11", `${TCP4}030004deadbeef`)],
  ["too long", v2("21", "11", TCP4 + "00".repeat(5_000))],
])("%s is refused", (_name, bytes) => expect(readProxyHeader(bytes)).toMatchObject({ is: "bad" }));

test("whatever comes there is a verdict, and never more bytes than came", () => {
  const start = fc.constantFrom(
    "",
    SIGNATURE,
    `${SIGNATURE}2111`,
    Buffer.from("PROXY TCP4 ").toString("hex"),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (prefix, bytes) => {
      const all = Buffer.concat([Buffer.from(prefix, "hex"), bytes]);
      const verdict = readProxyHeader(all);
      expect(["more", "bad", "whole"]).toContain(verdict.is);
      if (verdict.is === "whole") expect(verdict.bytes).toBeLessThanOrEqual(all.length);
    }),
    { numRuns: 2_000, seed: 1 },
  );
});
