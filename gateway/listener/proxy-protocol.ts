/**
 * The header that a proxy puts before a connection's own bytes, so that who stands behind it knows whose it is: PROXY protocol
 * versions 1 and 2 (haproxy.org, proxy-protocol.txt, 2020-03-05). Pure: bytes in, a verdict out.
 *
 * Only a header that is complete and right counts; the rest of the connection is not looked at. Of the extensions (TLVs) only
 * the checksum is heeded, which guards the header itself. An address is told in one spelling (RFC 5952), whichever version brought
 * it, and one of IPv4 that is mapped into IPv6 as that of IPv4: limits, hashes and logs go by it.
 */
import { isIPv4, isIPv6, SocketAddress } from "node:net";

export type ProxyHeader =
  /** Not all of it is there. */
  | { readonly is: "more" }
  | { readonly is: "bad"; readonly why: string }
  | {
      readonly is: "whole";
      /** Length of the header. */
      readonly bytes: number;
      /** Undefined: the proxy speaks for itself (LOCAL, UNKNOWN, another family). */
      readonly source: { readonly address: string; readonly port: number } | undefined;
    };

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_HEAD_BYTES = 16;
const V2_VERSION = 0x20;
const LOCAL = 0x0;
const PROXY = 0x1;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** §2.2: AF_UNIX and datagrams; others must be refused. */
const FAMILY_MAX = 0x3;
const TRANSPORT_MAX = 0x2;
const TCP4_BYTES = 12;
const TCP6_BYTES = 36;
const TLV_CRC32C = 0x03;
/** §2.2: receivers need not take more than this. */
const V2_BYTES_MAX = 4_096;
/** §2.1: the longest line of version 1. */
const V1_BYTES_MAX = 107;
const V1_PREFIX = "PROXY ";
const V1_LINE =
  /^PROXY (?:(UNKNOWN)(?: .*)?|TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5}))$/;
/** §2.1: no heading zeros. */
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const PORT_MAX = 65_535;

export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return { is: "more" };
  if (bytes[0] === SIGNATURE[0]) return readVersion2(bytes);
  return readVersion1(bytes);
}

function readVersion1(bytes: Buffer): ProxyHeader {
  const text = bytes.subarray(0, V1_BYTES_MAX).toString("latin1");
  const prefix = V1_PREFIX.slice(0, text.length);
  if (!text.startsWith(prefix)) return { is: "bad", why: "it does not begin with a PROXY header" };
  const end = text.indexOf("\r\n");
  if (end === -1) {
    return text.length < V1_BYTES_MAX ? { is: "more" } : { is: "bad", why: "the line has no end" };
  }
  const [, unknown, family, from, to, ...ports] = V1_LINE.exec(text.slice(0, end)) ?? [];
  if (unknown !== undefined) return { is: "whole", bytes: end + 2, source: undefined };
  const isAddress = family === "4" ? isIPv4 : isIPv6;
  if (from === undefined || to === undefined || !isAddress(from) || !isAddress(to) || !ports.every(isPort)) {
    return { is: "bad", why: "the line is not `PROXY TCP4|TCP6 source destination port port`" };
  }
  const address = family === "4" ? from : oneSpelling(from);
  return { is: "whole", bytes: end + 2, source: { address, port: Number(ports[0]) } };
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= PORT_MAX;
}

function readVersion2(bytes: Buffer): ProxyHeader {
  const length = Math.min(bytes.length, SIGNATURE.length);
  if (!bytes.subarray(0, length).equals(SIGNATURE.subarray(0, length)))
    return { is: "bad", why: "the signature is wrong" };
  if (bytes.length < V2_HEAD_BYTES) return { is: "more" };
  const command = bytes[12]! & 0x0f;
  if ((bytes[12]! & 0xf0) !== V2_VERSION || command > PROXY)
    return { is: "bad", why: "neither LOCAL nor PROXY of version 2" };
  const whole = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if (whole > V2_BYTES_MAX) return { is: "bad", why: `longer than ${V2_BYTES_MAX} bytes` };
  if (bytes.length < whole) return { is: "more" };
  const header = bytes.subarray(0, whole);
  const family = bytes[13]!;
  if (family >> 4 > FAMILY_MAX || (family & 0x0f) > TRANSPORT_MAX)
    return { is: "bad", why: "an address family or a transport that version 2 does not know" };
  const addressBytes = family === TCP4 ? TCP4_BYTES : family === TCP6 ? TCP6_BYTES : 0;
  if (V2_HEAD_BYTES + addressBytes > whole) return { is: "bad", why: "too short for its addresses" };
  // Of a family that is not known here the length of the addresses is not known either, nor where extensions begin.
  const why = addressBytes === 0 ? undefined : extensionFault(header, V2_HEAD_BYTES + addressBytes);
  if (why !== undefined) return { is: "bad", why };
  if (command === LOCAL || addressBytes === 0) return { is: "whole", bytes: whole, source: undefined };
  return { is: "whole", bytes: whole, source: family === TCP4 ? sourceV4(header) : sourceV6(header) };
}

function sourceV4(header: Buffer): { readonly address: string; readonly port: number } {
  return { address: [...header.subarray(16, 20)].join("."), port: header.readUInt16BE(24) };
}

function sourceV6(header: Buffer): { readonly address: string; readonly port: number } {
  const groups = Array.from({ length: 8 }, (_, index) => header.readUInt16BE(16 + 2 * index).toString(16));
  return { address: oneSpelling(groups.join(":")), port: header.readUInt16BE(48) };
}

/** §2.2.3: type, length, value; a checksum is over the header with its own four bytes as zeros. */
function extensionFault(header: Buffer, from: number): string | undefined {
  for (let at = from; at < header.length;) {
    if (at + 3 > header.length) return "an extension breaks off";
    const end = at + 3 + header.readUInt16BE(at + 1);
    if (end > header.length) return "an extension is longer than the header";
    if (header[at] === TLV_CRC32C) {
      if (end - at !== 7) return "the checksum has not four bytes";
      const blank = Buffer.from(header);
      blank.fill(0, at + 3, end);
      if (crc32c(blank) !== header.readUInt32BE(at + 3)) return "the checksum is wrong";
    }
    at = end;
  }
  return undefined;
}

function oneSpelling(address: string): string {
  const written = new SocketAddress({ address, family: "ipv6" }).address;
  const mapped = written.slice(written.lastIndexOf(":") + 1);
  return written.startsWith("::ffff:") && isIPv4(mapped) ? mapped : written;
}

/** Castagnoli's polynomial, reflected (RFC 3720 §B.4). */
const CRC32C = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0x82f63b78;
  return value >>> 0;
});

function crc32c(bytes: Buffer): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (value >>> 8) ^ CRC32C[(value ^ byte) & 0xff]!;
  return (value ^ 0xffff_ffff) >>> 0;
}
