/**
 * Cuts a byte stream into BGP messages (RFC 4271 §4.1). The header is judged as soon as it is whole, so at most one
 * message (4096 octets) is ever held back. After a fault nothing more is cut: the session is over.
 */
import { ERROR, fault, HEADER_BYTES, MESSAGE_BYTES_MAX, MESSAGE_TYPE, type Fault } from "./messages.ts";

/** Shortest message of each type, header included (RFC 4271 §6.1; RFC 2918 §3). */
const BYTES_MIN: Readonly<Record<number, number>> = {
  [MESSAGE_TYPE.open]: 29,
  [MESSAGE_TYPE.update]: 23,
  [MESSAGE_TYPE.notification]: 21,
  [MESSAGE_TYPE.keepalive]: HEADER_BYTES,
  [MESSAGE_TYPE.routeRefresh]: 23,
};

export type Frame =
  | { readonly ok: true; readonly type: number; readonly body: Uint8Array }
  | { readonly ok: false; readonly fault: Fault };

export class MessageFramer {
  #held: Uint8Array = new Uint8Array(0);
  #isBroken = false;

  /** Every whole message in what has come so far; a fault is the last frame ever given. */
  push(chunk: Uint8Array): Frame[] {
    if (this.#isBroken) return [];
    // A plain view: `slice` of a Buffer would not copy, and what is held must outlive the caller's chunk.
    const plain = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    const bytes = this.#held.length === 0 ? plain : joined(this.#held, plain);
    const frames: Frame[] = [];
    let offset = 0;
    while (bytes.length - offset >= HEADER_BYTES) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + offset, HEADER_BYTES);
      const wrong = headerFault(view);
      if (wrong !== undefined) {
        this.#isBroken = true;
        this.#held = new Uint8Array(0);
        frames.push({ ok: false, fault: wrong });
        return frames;
      }
      const length = view.getUint16(16);
      if (bytes.length - offset < length) break;
      frames.push({
        ok: true,
        type: view.getUint8(18),
        body: bytes.slice(offset + HEADER_BYTES, offset + length),
      });
      offset += length;
    }
    this.#held = bytes.slice(offset);
    return frames;
  }
}

function headerFault(view: DataView): Fault | undefined {
  for (let index = 0; index < 16; index++) {
    if (view.getUint8(index) !== 0xff) {
      return fault(ERROR.header.code, ERROR.header.notSynchronized, "marker is not all ones");
    }
  }
  const length = view.getUint16(16);
  const type = view.getUint8(18);
  const bytesMin = BYTES_MIN[type];
  if (length < HEADER_BYTES || length > MESSAGE_BYTES_MAX) return lengthFault(length);
  if (bytesMin === undefined) {
    return fault(ERROR.header.code, ERROR.header.badType, `message type ${type}`, Uint8Array.of(type));
  }
  const isExact = type === MESSAGE_TYPE.keepalive;
  if (length < bytesMin || (isExact && length !== bytesMin)) return lengthFault(length);
  return undefined;
}

function lengthFault(length: number): Fault {
  const data = Uint8Array.of(length >>> 8, length & 255);
  return fault(ERROR.header.code, ERROR.header.badLength, `message length ${length}`, data);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
