/**
 * The BFD control packet as a value (RFC 5880 §4.1), and those reception rules of §6.8.6 that need no session: what is
 * not a packet for anybody ends here, with the reason. Intervals are whole microseconds, as on the wire.
 *
 * Left out: authentication (§4.2 to §4.4). A packet that carries it is discarded, as §6.8.6 wants it of a system that
 * uses none. Echo packets have no format of ours either: we never send any and say so.
 */
import { invariant } from "#core/assert.ts";

/** The numbers of §4.1 are the places in this list. */
const STATES = ["admin-down", "down", "init", "up"] as const;
export type BfdState = (typeof STATES)[number];

/** Why a session was last left (§4.1). */
export const DIAGNOSTIC = {
  none: 0,
  detectionTimeExpired: 1,
  echoFailed: 2,
  neighborSignaledDown: 3,
  forwardingPlaneReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  administrativelyDown: 7,
  reverseConcatenatedPathDown: 8,
} as const;

export interface BfdPacket {
  readonly state: BfdState;
  /** 0 to 31; those above 8 are not assigned. */
  readonly diagnostic: number;
  /** Asks for an answer with `isFinal`. */
  readonly isPoll: boolean;
  readonly isFinal: boolean;
  /** Its BFD lives on when its control plane dies. */
  readonly isControlPlaneIndependent: boolean;
  /** Asks the other side to send no periodic packets. */
  readonly isDemand: boolean;
  /** 1 to 255. */
  readonly detectMultiplier: number;
  /** Unsigned 32-bit number, not 0. */
  readonly myDiscriminator: number;
  /** Unsigned 32-bit number; 0: not known yet. */
  readonly yourDiscriminator: number;
  readonly desiredMinTxUs: number;
  /** 0: wants no periodic packets at all. */
  readonly requiredMinRxUs: number;
  /** 0: does not answer echo packets. */
  readonly requiredMinEchoRxUs: number;
}

export type DecodedBfd =
  | { readonly ok: true; readonly packet: BfdPacket }
  | { readonly ok: false; readonly reason: string };

const VERSION = 1;
export const BFD_PACKET_BYTES = 24;
/** With the shortest authentication section. */
const AUTHENTICATED_BYTES_MIN = 26;
const FLAG = {
  poll: 0x20,
  final: 0x10,
  controlPlaneIndependent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
} as const;

export function encodeBfd(packet: BfdPacket): Uint8Array {
  // "A packet with both bits set must not be sent" (§6.5).
  invariant(!(packet.isPoll && packet.isFinal), "a BFD packet is a poll or its answer, not both");
  invariant(packet.myDiscriminator !== 0, "My Discriminator must not be 0");
  const bytes = new Uint8Array(BFD_PACKET_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, (VERSION << 5) | packet.diagnostic);
  view.setUint8(1, (STATES.indexOf(packet.state) << 6) | flagsOf(packet));
  view.setUint8(2, packet.detectMultiplier);
  view.setUint8(3, BFD_PACKET_BYTES);
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTxUs);
  view.setUint32(16, packet.requiredMinRxUs);
  view.setUint32(20, packet.requiredMinEchoRxUs);
  return bytes;
}

function flagsOf(packet: BfdPacket): number {
  return (
    (packet.isPoll ? FLAG.poll : 0) |
    (packet.isFinal ? FLAG.final : 0) |
    (packet.isControlPlaneIndependent ? FLAG.controlPlaneIndependent : 0) |
    (packet.isDemand ? FLAG.demand : 0)
  );
}

/** Bytes beyond the packet's own length are padding (§6.8.6 asks only that the length fits in). */
export function decodeBfd(bytes: Uint8Array): DecodedBfd {
  const reason = headerFault(bytes);
  if (reason !== undefined) return { ok: false, reason };
  const view = new DataView(bytes.buffer, bytes.byteOffset, BFD_PACKET_BYTES);
  const flags = view.getUint8(1);
  const packet: BfdPacket = {
    state: STATES[flags >>> 6]!,
    diagnostic: view.getUint8(0) & 0x1f,
    isPoll: (flags & FLAG.poll) !== 0,
    isFinal: (flags & FLAG.final) !== 0,
    isControlPlaneIndependent: (flags & FLAG.controlPlaneIndependent) !== 0,
    isDemand: (flags & FLAG.demand) !== 0,
    detectMultiplier: view.getUint8(2),
    myDiscriminator: view.getUint32(4),
    yourDiscriminator: view.getUint32(8),
    desiredMinTxUs: view.getUint32(12),
    requiredMinRxUs: view.getUint32(16),
    requiredMinEchoRxUs: view.getUint32(20),
  };
  const wrong = contentFault(packet, flags);
  return wrong === undefined ? { ok: true, packet } : { ok: false, reason: wrong };
}

function headerFault(bytes: Uint8Array): string | undefined {
  if (bytes.length < BFD_PACKET_BYTES) return `${bytes.length} bytes are too few for a BFD packet`;
  const version = bytes[0]! >>> 5;
  if (version !== VERSION) return `BFD version ${version}`;
  const length = bytes[3]!;
  const hasAuthentication = (bytes[1]! & FLAG.authentication) !== 0;
  if (length < (hasAuthentication ? AUTHENTICATED_BYTES_MIN : BFD_PACKET_BYTES))
    return `length field ${length}`;
  if (length > bytes.length) return `length field ${length} in ${bytes.length} bytes`;
  return undefined;
}

/** In the order of §6.8.6. */
function contentFault(packet: BfdPacket, flags: number): string | undefined {
  if (packet.detectMultiplier === 0) return "detect multiplier 0";
  if ((flags & FLAG.multipoint) !== 0) return "multipoint bit set";
  if (packet.myDiscriminator === 0) return "My Discriminator 0";
  const isLost = packet.yourDiscriminator === 0 && (packet.state === "init" || packet.state === "up");
  if (isLost) return `Your Discriminator 0 in state ${packet.state}`;
  if ((flags & FLAG.authentication) !== 0) return "authenticated, and no authentication is in use";
  return undefined;
}
