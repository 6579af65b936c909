/**
 * Bytes to messages, with the RFC's answer to everything that is wrong: a NOTIFICATION for what breaks the session
 * (RFC 4271 §6), treat-as-withdraw or attribute discard for what only spoils a route (RFC 7606). Nothing here throws.
 */
import { decodeAttributes, type DecodeContext } from "./decode-attributes.ts";
import {
  AS_TRANS,
  ERROR,
  fault,
  maskTo,
  MESSAGE_TYPE,
  type Capability,
  type Fault,
  type Message,
  type OpenMessage,
  type Prefix,
  type UpdateMessage,
} from "./messages.ts";
import { Reader } from "./reader.ts";

const VERSION = 4;
const OPTION_CAPABILITIES = 2;
/** RFC 9072: a length of 255 and a first option of 255 announce 16-bit lengths. */
const OPTION_EXTENDED_LENGTH = 255;

export type Decoded =
  | { readonly ok: true; readonly message: Message; readonly remarks: readonly string[] }
  | { readonly ok: false; readonly fault: Fault };

/** `body` is what stands behind the header. `remarks` tells what RFC 7606 made of spoilt attributes. */
export function decodeBody(type: number, body: Uint8Array, context: DecodeContext): Decoded {
  switch (type) {
    case MESSAGE_TYPE.open:
      return decodeOpen(body);
    case MESSAGE_TYPE.update:
      return decodeUpdate(body, context);
    case MESSAGE_TYPE.notification:
      return decoded({
        type: "notification",
        code: body[0] ?? 0,
        subcode: body[1] ?? 0,
        data: body.slice(2),
      });
    case MESSAGE_TYPE.keepalive:
      return decoded({ type: "keepalive" });
    case MESSAGE_TYPE.routeRefresh:
      return decodeRouteRefresh(body);
    default:
      return refused(
        fault(ERROR.header.code, ERROR.header.badType, `message type ${type}`, Uint8Array.of(type)),
      );
  }
}

function decodeOpen(body: Uint8Array): Decoded {
  const reader = new Reader(body);
  const version = reader.u8();
  const as2 = reader.u16();
  const holdTimeS = reader.u16();
  const bgpId = reader.u32();
  if (version !== VERSION) {
    const data = Uint8Array.of(0, VERSION);
    return refused(fault(ERROR.open.code, ERROR.open.unsupportedVersion, `version ${version}`, data));
  }
  const capabilities = decodeOptions(reader);
  if (!Array.isArray(capabilities)) return refused(capabilities);
  if (holdTimeS === 1 || holdTimeS === 2) {
    return refused(fault(ERROR.open.code, ERROR.open.badHoldTime, `hold time ${holdTimeS} s`));
  }
  if (bgpId === 0) return refused(fault(ERROR.open.code, ERROR.open.badBgpId, "BGP identifier 0.0.0.0"));
  const as = asOf(as2, capabilities);
  if (as === 0) return refused(fault(ERROR.open.code, ERROR.open.badPeerAs, "AS 0"));
  const open: OpenMessage = { type: "open", as, holdTimeS, bgpId, capabilities };
  return decoded(open);
}

/** The 4-octet AS if the peer told it (RFC 6793 §4.2.1), else the 2-octet one; 0 is never valid (RFC 7607). */
function asOf(as2: number, capabilities: readonly Capability[]): number {
  for (const capability of capabilities) if (capability.kind === "four-octet-as") return capability.as;
  return as2 === AS_TRANS ? 0 : as2;
}

function decodeOptions(reader: Reader): Capability[] | Fault {
  const malformed = fault(ERROR.open.code, ERROR.open.unspecific, "malformed optional parameters");
  let bytes = reader.u8();
  const isExtended = bytes === OPTION_EXTENDED_LENGTH && reader.peek() === OPTION_EXTENDED_LENGTH;
  if (isExtended) {
    reader.u8();
    bytes = reader.u16();
  }
  if (reader.hasFailed || reader.left !== bytes) return malformed;
  const capabilities: Capability[] = [];
  while (reader.left > 0) {
    const type = reader.u8();
    const value = reader.bytes(isExtended ? reader.u16() : reader.u8());
    if (reader.hasFailed) return malformed;
    if (type !== OPTION_CAPABILITIES) {
      return fault(ERROR.open.code, ERROR.open.unsupportedParameter, `optional parameter ${type}`);
    }
    if (!decodeCapabilities(value, capabilities)) return malformed;
  }
  return capabilities;
}

/** False when the list does not add up. A capability of unexpected length is kept as unknown (RFC 5492 §3). */
function decodeCapabilities(bytes: Uint8Array, into: Capability[]): boolean {
  const reader = new Reader(bytes);
  while (reader.left > 0) {
    const code = reader.u8();
    const value = reader.bytes(reader.u8());
    if (reader.hasFailed) return false;
    into.push(capabilityOf(code, value));
  }
  return true;
}

function capabilityOf(code: number, value: Uint8Array): Capability {
  const reader = new Reader(value);
  if (code === 1 && value.length === 4 && value[2] === 0) {
    const afi = reader.u16();
    reader.u8();
    return { kind: "multiprotocol", afi, safi: reader.u8() };
  }
  if (code === 2 && value.length === 0) return { kind: "route-refresh" };
  if (code === 65 && value.length === 4) return { kind: "four-octet-as", as: reader.u32() };
  return { kind: "unknown", code, value };
}

function decodeUpdate(body: Uint8Array, context: DecodeContext): Decoded {
  const reader = new Reader(body);
  const withdrawnBytes = reader.bytes(reader.u16());
  const attributeBytes = reader.bytes(reader.u16());
  if (reader.hasFailed) {
    // The lengths contradict the message: nothing behind them can be trusted (RFC 4271 §6.3).
    return refused(
      fault(ERROR.update.code, ERROR.update.malformedAttributes, "attribute lengths exceed the message"),
    );
  }
  const withdrawn = decodePrefixes(withdrawnBytes);
  const announced = decodePrefixes(reader.bytes(reader.left));
  if (withdrawn === undefined || announced === undefined) {
    return refused(fault(ERROR.update.code, ERROR.update.invalidNetwork, "a prefix does not parse"));
  }
  const result = decodeAttributes(attributeBytes, announced.length > 0, context);
  if (result.kind === "fault") return refused(result.fault);
  if (result.kind === "treat-as-withdraw") {
    const update: UpdateMessage = { type: "update", withdrawn: [...withdrawn, ...announced], announced: [] };
    return { ok: true, message: update, remarks: [`treat-as-withdraw: ${result.reason}`] };
  }
  const update: UpdateMessage = { type: "update", withdrawn, announced };
  return {
    ok: true,
    message: result.attributes === undefined ? update : { ...update, attributes: result.attributes },
    remarks: result.remarks,
  };
}

/** Undefined when a length is above 32 or the octets run out. */
function decodePrefixes(bytes: Uint8Array): Prefix[] | undefined {
  const reader = new Reader(bytes);
  const prefixes: Prefix[] = [];
  while (reader.left > 0) {
    const length = reader.u8();
    if (length > 32) return undefined;
    let address = 0;
    for (let bit = 0; bit < length; bit += 8) address = (address | (reader.u8() << (24 - bit))) >>> 0;
    if (reader.hasFailed) return undefined;
    prefixes.push({ address: maskTo(address, length), length });
  }
  return prefixes;
}

function decodeRouteRefresh(body: Uint8Array): Decoded {
  const reader = new Reader(body);
  const afi = reader.u16();
  reader.u8();
  return decoded({ type: "route-refresh", afi, safi: reader.u8() });
}

function decoded(message: Message): Decoded {
  return { ok: true, message, remarks: [] };
}

function refused(wrong: Fault): Decoded {
  return { ok: false, fault: wrong };
}
