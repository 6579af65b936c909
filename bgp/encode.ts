/** Messages to bytes (RFC 4271 §4). What cannot be said in one message of 4096 octets is a bug of the caller. */
import { invariant } from "#core/assert.ts";
import {
  AS_TRANS,
  HEADER_BYTES,
  MESSAGE_BYTES_MAX,
  MESSAGE_TYPE,
  type AsSegment,
  type Capability,
  type Message,
  type OpenMessage,
  type PathAttributes,
  type Prefix,
} from "./messages.ts";

const AS_MAX_2 = 0xffff;
const FLAG_OPTIONAL = 0x80;
const FLAG_TRANSITIVE = 0x40;
const FLAG_PARTIAL = 0x20;
const FLAG_EXTENDED = 0x10;
const OPTION_CAPABILITIES = 2;

export interface EncodeOptions {
  /** Octets of an AS number in AS_PATH and AGGREGATOR: 4 when both sides have the capability. */
  readonly asOctets: 2 | 4;
}

export function encodeMessage(message: Message, options: EncodeOptions = { asOctets: 4 }): Uint8Array {
  const writer = new Writer();
  switch (message.type) {
    case "open":
      writeOpen(writer, message);
      return writer.finish(MESSAGE_TYPE.open);
    case "update":
      writer.block16(() => writePrefixes(writer, message.withdrawn));
      writer.block16(() => writeAttributes(writer, message.attributes, options.asOctets));
      writePrefixes(writer, message.announced);
      return writer.finish(MESSAGE_TYPE.update);
    case "notification":
      writer.u8(message.code);
      writer.u8(message.subcode);
      writer.bytes(message.data);
      return writer.finish(MESSAGE_TYPE.notification);
    case "keepalive":
      return writer.finish(MESSAGE_TYPE.keepalive);
    case "route-refresh":
      writer.u16(message.afi);
      writer.u8(0);
      writer.u8(message.safi);
      return writer.finish(MESSAGE_TYPE.routeRefresh);
  }
}

/** Path attributes alone, with 4-octet AS numbers, as tables of routes keep them (RFC 6396 §4.3.4). */
export function encodeAttributes(attributes: PathAttributes): Uint8Array {
  const writer = new Writer();
  writeAttributes(writer, attributes, 4);
  return writer.finish(MESSAGE_TYPE.update).slice(HEADER_BYTES);
}

function writeOpen(writer: Writer, open: OpenMessage): void {
  writer.u8(4);
  writer.u16(open.as > AS_MAX_2 ? AS_TRANS : open.as);
  writer.u16(open.holdTimeS);
  writer.u32(open.bgpId);
  writer.block8(() => {
    for (const capability of open.capabilities) {
      writer.u8(OPTION_CAPABILITIES);
      writer.block8(() => writeCapability(writer, capability));
    }
  });
}

function writeCapability(writer: Writer, capability: Capability): void {
  switch (capability.kind) {
    case "multiprotocol":
      writer.u8(1);
      return writer.block8(() => {
        writer.u16(capability.afi);
        writer.u8(0);
        writer.u8(capability.safi);
      });
    case "route-refresh":
      writer.u8(2);
      return writer.u8(0);
    case "four-octet-as":
      writer.u8(65);
      return writer.block8(() => writer.u32(capability.as));
    case "unknown":
      writer.u8(capability.code);
      return writer.block8(() => writer.bytes(capability.value));
  }
}

function writePrefixes(writer: Writer, prefixes: readonly Prefix[]): void {
  for (const prefix of prefixes) {
    writer.u8(prefix.length);
    for (let bit = 0; bit < prefix.length; bit += 8) writer.u8((prefix.address >>> (24 - bit)) & 255);
  }
}

function writeAttributes(writer: Writer, attributes: PathAttributes | undefined, asOctets: 2 | 4): void {
  if (attributes === undefined) return;
  const { aggregator, asPath } = attributes;
  writer.attribute(FLAG_TRANSITIVE, 1, () => writer.u8(attributes.origin));
  writer.attribute(FLAG_TRANSITIVE, 2, () => writeAsPath(writer, asPath, asOctets));
  writer.attribute(FLAG_TRANSITIVE, 3, () => writer.u32(attributes.nextHop));
  if (attributes.med !== undefined) writer.attribute(FLAG_OPTIONAL, 4, () => writer.u32(attributes.med!));
  if (attributes.localPref !== undefined) {
    writer.attribute(FLAG_TRANSITIVE, 5, () => writer.u32(attributes.localPref!));
  }
  if (attributes.isAtomicAggregate) writer.attribute(FLAG_TRANSITIVE, 6, () => undefined);
  if (aggregator !== undefined) {
    writer.attribute(FLAG_OPTIONAL | FLAG_TRANSITIVE, 7, () => {
      writeAs(writer, aggregator.as, asOctets);
      writer.u32(aggregator.address);
    });
  }
  if (attributes.communities !== undefined) {
    writer.attribute(FLAG_OPTIONAL | FLAG_TRANSITIVE, 8, () => {
      for (const community of attributes.communities!) writer.u32(community);
    });
  }
  // A 2-octet peer passes the true path on in AS4_PATH (RFC 6793 §4.2.2).
  if (asOctets === 2 && asPath.some((segment) => segment.ases.some((as) => as > AS_MAX_2))) {
    writer.attribute(FLAG_OPTIONAL | FLAG_TRANSITIVE, 17, () => writeAsPath(writer, asPath, 4));
  }
  if (asOctets === 2 && aggregator !== undefined && aggregator.as > AS_MAX_2) {
    writer.attribute(FLAG_OPTIONAL | FLAG_TRANSITIVE, 18, () => {
      writer.u32(aggregator.as);
      writer.u32(aggregator.address);
    });
  }
  if (attributes.largeCommunities !== undefined) {
    writer.attribute(FLAG_OPTIONAL | FLAG_TRANSITIVE, 32, () => {
      for (const parts of attributes.largeCommunities!) for (const part of parts) writer.u32(part);
    });
  }
  for (const other of attributes.unknown ?? []) {
    const kept = other.flags & (FLAG_OPTIONAL | FLAG_TRANSITIVE | FLAG_PARTIAL);
    writer.attribute(kept, other.type, () => writer.bytes(other.value));
  }
}

function writeAsPath(writer: Writer, segments: readonly AsSegment[], asOctets: 2 | 4): void {
  for (const segment of segments) {
    writer.u8(segment.kind);
    writer.u8(segment.ases.length);
    for (const as of segment.ases) writeAs(writer, as, asOctets);
  }
}

function writeAs(writer: Writer, as: number, asOctets: 2 | 4): void {
  if (asOctets === 4) writer.u32(as);
  else writer.u16(as > AS_MAX_2 ? AS_TRANS : as);
}

/** Writes behind a header that is filled in last. */
class Writer {
  readonly #buffer = new Uint8Array(MESSAGE_BYTES_MAX).fill(0xff, 0, 16);
  readonly #view = new DataView(this.#buffer.buffer);
  #offset = HEADER_BYTES;

  u8(value: number): void {
    this.#reserve(1, value, 0xff);
    this.#view.setUint8(this.#offset - 1, value);
  }

  u16(value: number): void {
    this.#reserve(2, value, 0xffff);
    this.#view.setUint16(this.#offset - 2, value);
  }

  u32(value: number): void {
    this.#reserve(4, value, 0xffff_ffff);
    this.#view.setUint32(this.#offset - 4, value);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length, 0, 0);
    this.#buffer.set(value, this.#offset - value.length);
  }

  /** A length octet, then what `write` writes. */
  block8(write: () => void): void {
    this.u8(0);
    const start = this.#offset;
    write();
    invariant(
      this.#offset - start <= 0xff,
      `a block of ${this.#offset - start} octets behind a length octet`,
    );
    this.#view.setUint8(start - 1, this.#offset - start);
  }

  /** Two length octets, then what `write` writes. */
  block16(write: () => void): void {
    this.u16(0);
    const start = this.#offset;
    write();
    this.#view.setUint16(start - 2, this.#offset - start);
  }

  /** A path attribute, with the extended length where one octet does not hold it (RFC 4271 §4.3). */
  attribute(flags: number, type: number, write: () => void): void {
    const start = this.#offset;
    this.u8(flags | FLAG_EXTENDED);
    this.u8(type);
    this.block16(write);
    const length = this.#offset - start - 4;
    if (length > 0xff) return;
    this.#view.setUint8(start, flags);
    this.#view.setUint8(start + 2, length);
    this.#buffer.copyWithin(start + 3, start + 4, this.#offset);
    this.#offset -= 1;
  }

  finish(type: number): Uint8Array {
    this.#view.setUint16(16, this.#offset);
    this.#view.setUint8(18, type);
    return this.#buffer.slice(0, this.#offset);
  }

  #reserve(octets: number, value: number, max: number): void {
    invariant(value >= 0 && value <= max, `${value} does not fit ${octets} octets`);
    this.#offset += octets;
    invariant(this.#offset <= MESSAGE_BYTES_MAX, `a message longer than ${MESSAGE_BYTES_MAX} octets`);
  }
}
