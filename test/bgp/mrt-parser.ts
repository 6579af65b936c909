/**
 * A reader of MRT files (RFC 6396), written for the tests from the text of the RFC and RFC 4271 §4.3, without a line of
 * the product: what the writer gets wrong, this one does not get wrong the same way.
 */

export type MrtRecord =
  | {
      readonly kind: "peers";
      readonly atS: number;
      readonly collector: string;
      readonly peers: readonly Peer[];
    }
  | {
      readonly kind: "table";
      readonly atS: number;
      readonly prefix: string;
      readonly routes: readonly ({ readonly peer: number; readonly originatedS: number } & Attributes)[];
    }
  | {
      readonly kind: "update";
      /** Unix time in whole µs. */
      readonly atUs: number;
      readonly peer: Peer;
      readonly collector: Peer;
      readonly withdrawn: readonly string[];
      readonly announced: readonly string[];
      readonly attributes: Attributes | undefined;
    };

export interface Peer {
  readonly as: number;
  readonly address: string;
}

export interface Attributes {
  readonly asPath: readonly number[];
  readonly nextHop: string;
  readonly communities: readonly string[];
}

export function parseMrt(bytes: Uint8Array): MrtRecord[] {
  const records: MrtRecord[] = [];
  const all = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const [seconds, type, subtype] = [all.getUint32(at), all.getUint16(at + 4), all.getUint16(at + 6)];
    const length = all.getUint32(at + 8);
    const body = new Octets(bytes.subarray(at + 12, at + 12 + length));
    if (body.left !== length) throw new Error(`a record of ${length} octets ends after ${body.left}`);
    records.push(parseRecord(seconds, `${type}/${subtype}`, body));
    if (body.left !== 0) throw new Error(`${body.left} octets too many in a record ${type}/${subtype}`);
    at += 12 + length;
  }
  return records;
}

function parseRecord(atS: number, type: string, body: Octets): MrtRecord {
  switch (type) {
    case "13/1": {
      const collector = body.address();
      body.skip(body.u16());
      const peers = Array.from({ length: body.u16() }, () => {
        if (body.u8() !== 2) throw new Error("a peer that is not IPv4 with 4 octets of AS");
        body.skip(4);
        const address = body.address();
        return { address, as: body.u32() };
      });
      return { kind: "peers", atS, collector, peers };
    }
    case "13/2": {
      body.skip(4);
      const prefix = body.prefix();
      const routes = Array.from({ length: body.u16() }, () => {
        const [peer, originatedS] = [body.u16(), body.u32()];
        return { peer, originatedS, ...parseAttributes(body.inner(body.u16()))! };
      });
      return { kind: "table", atS, prefix, routes };
    }
    case "17/4": {
      const atUs = atS * 1e6 + body.u32();
      const [peerAs, collectorAs] = [body.u32(), body.u32()];
      body.skip(2);
      if (body.u16() !== 1) throw new Error("not IPv4");
      const peer = { as: peerAs, address: body.address() };
      const collector = { as: collectorAs, address: body.address() };
      return { kind: "update", atUs, peer, collector, ...parseUpdate(body) };
    }
    default:
      throw new Error(`a record of type ${type}`);
  }
}

function parseUpdate(body: Octets) {
  for (let octet = 0; octet < 16; octet++) if (body.u8() !== 0xff) throw new Error("no marker");
  const length = body.u16();
  if (length !== body.left + 18 || body.u8() !== 2) throw new Error("no UPDATE of that length");
  const withdrawn = prefixes(body.inner(body.u16()));
  const attributes = parseAttributes(body.inner(body.u16()));
  const announced = prefixes(body.inner(body.left));
  return { withdrawn, attributes, announced };
}

function parseAttributes(body: Octets): Attributes | undefined {
  if (body.left === 0) return undefined;
  const asPath: number[] = [];
  let nextHop = "";
  let communities: string[] = [];
  while (body.left > 0) {
    const [flags, code] = [body.u8(), body.u8()];
    const value = body.inner((flags & 0x10) === 0 ? body.u8() : body.u16());
    if (code === 2) {
      while (value.left > 0) {
        if (value.u8() !== 2) throw new Error("no AS_SEQUENCE");
        for (let count = value.u8(); count > 0; count--) asPath.push(value.u32());
      }
    }
    if (code === 3) nextHop = value.address();
    if (code === 8)
      communities = Array.from({ length: value.left / 4 }, () => `${value.u16()}:${value.u16()}`);
  }
  return { asPath, nextHop, communities };
}

function prefixes(body: Octets): string[] {
  const list: string[] = [];
  while (body.left > 0) list.push(body.prefix());
  return list;
}

class Octets {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new Error("the octets ran out");
    this.#at += 1;
    return value;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  address(): string {
    return [this.u8(), this.u8(), this.u8(), this.u8()].join(".");
  }

  prefix(): string {
    const length = this.u8();
    const octets = Array.from({ length: Math.ceil(length / 8) }, () => this.u8());
    return `${[...octets, 0, 0, 0, 0].slice(0, 4).join(".")}/${length}`;
  }

  skip(count: number): void {
    for (let octet = 0; octet < count; octet++) this.u8();
  }

  inner(count: number): Octets {
    if (count > this.left) throw new Error(`${count} octets of ${this.left}`);
    const inner = new Octets(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return inner;
  }
}
