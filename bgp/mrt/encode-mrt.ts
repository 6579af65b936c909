/**
 * Routing information in the MRT format (RFC 6396), as RIS, RouteViews and the tools around them read it: what peers told
 * a collector as BGP4MP_ET messages with microseconds (§3), and what it knew at one moment as TABLE_DUMP_V2 (§4.3).
 * IPv4 and 4-octet AS numbers only. Several records behind each other are a file.
 */
import { invariant } from "#core/assert.ts";
import { encodeAttributes, encodeMessage } from "../encode.ts";
import type { PathAttributes, Prefix, UpdateMessage } from "../messages.ts";

const TYPE = { tableDumpV2: 13, bgp4mpEt: 17 } as const;
const SUBTYPE = { peerIndexTable: 1, ribIpv4Unicast: 2, messageAs4: 4 } as const;
const AFI_IPV4 = 1;
/** §4.3.1: an IPv4 address and a 4-octet AS number. */
const PEER_TYPE = 2;
const COUNT_MAX = 0xffff;
const US_PER_S = 1_000_000;

export interface MrtPeer {
  readonly as: number;
  /** IPv4 address as an unsigned 32-bit number; its BGP identifier too. */
  readonly address: number;
}

export interface MrtRoute {
  /** Position in the peer table. */
  readonly peer: number;
  /** Since when, whole Unix seconds. */
  readonly originatedS: number;
  readonly attributes: PathAttributes;
}

/** An UPDATE that `collector` got from `peer`; `atUs` since the Unix epoch. */
export function encodeMrtMessage(
  atUs: number,
  peer: MrtPeer,
  collector: MrtPeer,
  update: UpdateMessage,
): Uint8Array {
  const message = encodeMessage(update);
  const fields = new Fields(24 + message.length);
  fields.u32(atUs % US_PER_S);
  fields.u32(peer.as);
  fields.u32(collector.as);
  fields.u16(0); // Interface index: unknown (§4.4.1).
  fields.u16(AFI_IPV4);
  fields.u32(peer.address);
  fields.u32(collector.address);
  fields.bytes(message);
  return record(Math.floor(atUs / US_PER_S), TYPE.bgp4mpEt, SUBTYPE.messageAs4, fields);
}

/** Must stand before the tables that refer to its peers (§4.3.1). */
export function encodeMrtPeers(atS: number, collector: MrtPeer, peers: readonly MrtPeer[]): Uint8Array {
  invariant(peers.length <= COUNT_MAX, `at most ${COUNT_MAX} peers, not ${peers.length}`);
  const fields = new Fields(8 + peers.length * 13);
  fields.u32(collector.address);
  fields.u16(0); // The view has no name.
  fields.u16(peers.length);
  for (const { as, address } of peers) {
    fields.u8(PEER_TYPE);
    fields.u32(address);
    fields.u32(address);
    fields.u32(as);
  }
  return record(atS, TYPE.tableDumpV2, SUBTYPE.peerIndexTable, fields);
}

/** What peers had told of one prefix; `sequence` counts prefixes from 0 (§4.3.2). */
export function encodeMrtTable(
  atS: number,
  sequence: number,
  prefix: Prefix,
  routes: readonly MrtRoute[],
): Uint8Array {
  const octets = Math.ceil(prefix.length / 8);
  const entries = routes.map((route) => ({ ...route, bytes: encodeAttributes(route.attributes) }));
  const size = entries.reduce((sum, { bytes }) => sum + 8 + bytes.length, 7 + octets);
  const fields = new Fields(size);
  fields.u32(sequence);
  fields.u8(prefix.length);
  for (let octet = 0; octet < octets; octet++) fields.u8((prefix.address >>> (24 - 8 * octet)) & 0xff);
  fields.u16(entries.length);
  for (const { peer, originatedS, bytes } of entries) {
    fields.u16(peer);
    fields.u32(originatedS);
    fields.u16(bytes.length);
    fields.bytes(bytes);
  }
  return record(atS, TYPE.tableDumpV2, SUBTYPE.ribIpv4Unicast, fields);
}

/** The common header (§2); the microseconds of an ET record count as body (§3). */
function record(atS: number, type: number, subtype: number, body: Fields): Uint8Array {
  const bytes = body.whole();
  const fields = new Fields(12 + bytes.length);
  fields.u32(atS);
  fields.u16(type);
  fields.u16(subtype);
  fields.u32(bytes.length);
  fields.bytes(bytes);
  return fields.whole();
}

/** Writes fields one after the other into bytes of a known number. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#take(1, value, 0xff), value);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#take(2, value, 0xffff), value);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#take(4, value, 0xffff_ffff), value);
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#take(value.length, 0, 0));
  }

  whole(): Uint8Array {
    invariant(this.#offset === this.#bytes.length, `${this.#offset} of ${this.#bytes.length} octets`);
    return this.#bytes;
  }

  #take(octets: number, value: number, max: number): number {
    invariant(value >= 0 && value <= max, `${value} does not fit ${octets} octets`);
    const offset = this.#offset;
    this.#offset += octets;
    return offset;
  }
}
