/**
 * The messages of BGP-4 as values (RFC 4271 §4), with 4-octet AS numbers throughout (RFC 6793): a 2-octet session is
 * translated at the codec, nowhere else. Left out: everything but IPv4 unicast; attributes of other families pass
 * through as `unknown`.
 */

export interface Prefix {
  /** IPv4 address as an unsigned 32-bit number; bits beyond `length` are zero. */
  readonly address: number;
  readonly length: number;
}

export type Capability =
  | { readonly kind: "multiprotocol"; readonly afi: number; readonly safi: number }
  | { readonly kind: "route-refresh" }
  | { readonly kind: "four-octet-as"; readonly as: number }
  | { readonly kind: "unknown"; readonly code: number; readonly value: Uint8Array };

export interface OpenMessage {
  readonly type: "open";
  /** The speaker's AS: that of the 4-octet capability if it sent one, else the field of the message. */
  readonly as: number;
  /** Seconds; 0 or at least 3. */
  readonly holdTimeS: number;
  /** Unsigned 32-bit number, not 0. */
  readonly bgpId: number;
  readonly capabilities: readonly Capability[];
}

export const ORIGIN = { igp: 0, egp: 1, incomplete: 2 } as const;
export const SEGMENT = { set: 1, sequence: 2 } as const;

export interface AsSegment {
  readonly kind: (typeof SEGMENT)[keyof typeof SEGMENT];
  readonly ases: readonly number[];
}

export interface PathAttributes {
  readonly origin: (typeof ORIGIN)[keyof typeof ORIGIN];
  readonly asPath: readonly AsSegment[];
  /** IPv4 address as an unsigned 32-bit number. */
  readonly nextHop: number;
  readonly med?: number;
  readonly localPref?: number;
  readonly isAtomicAggregate?: true;
  readonly aggregator?: { readonly as: number; readonly address: number };
  /** RFC 1997: unsigned 32-bit numbers. */
  readonly communities?: readonly number[];
  /** RFC 8092: three unsigned 32-bit numbers each. */
  readonly largeCommunities?: readonly (readonly [number, number, number])[];
  /** Optional attributes of other kinds, as received. */
  readonly unknown?: readonly { readonly flags: number; readonly type: number; readonly value: Uint8Array }[];
}

export interface UpdateMessage {
  readonly type: "update";
  readonly withdrawn: readonly Prefix[];
  readonly announced: readonly Prefix[];
  /** Absent when nothing is announced and no attribute was sent. */
  readonly attributes?: PathAttributes;
}

export interface NotificationMessage {
  readonly type: "notification";
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

export interface RouteRefreshMessage {
  readonly type: "route-refresh";
  readonly afi: number;
  readonly safi: number;
}

export type Message =
  | OpenMessage
  | UpdateMessage
  | NotificationMessage
  | RouteRefreshMessage
  | { readonly type: "keepalive" };

/** GRACEFUL_SHUTDOWN, 65535:0 (RFC 8326 §3): whoever hears it gives the path local preference 0. */
export const GRACEFUL_SHUTDOWN = 0xffff_0000;

export const HEADER_BYTES = 19;
/** RFC 4271 §4.1; extended messages (RFC 8654) are not offered. */
export const MESSAGE_BYTES_MAX = 4096;
/** Stands in for an AS that does not fit two octets (RFC 6793 §9). */
export const AS_TRANS = 23456;

export const MESSAGE_TYPE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

/** NOTIFICATION codes and the subcodes in use here (RFC 4271 §4.5, RFC 4486, RFC 6608). */
export const ERROR = {
  header: { code: 1, notSynchronized: 1, badLength: 2, badType: 3 },
  open: {
    code: 2,
    unspecific: 0,
    unsupportedVersion: 1,
    badPeerAs: 2,
    badBgpId: 3,
    unsupportedParameter: 4,
    badHoldTime: 6,
  },
  update: { code: 3, malformedAttributes: 1, unrecognizedWellKnown: 2, invalidNetwork: 10 },
  holdTimer: { code: 4 },
  fsm: { code: 5, inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 },
  cease: { code: 6, administrativeShutdown: 2, connectionRejected: 5, collision: 7, bfdDown: 10 },
} as const;

/** What the peer did wrong, as the NOTIFICATION that answers it. The session ends. */
export interface Fault {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
  readonly reason: string;
}

export function fault(code: number, subcode: number, reason: string, data: Uint8Array = NO_DATA): Fault {
  return { code, subcode, data, reason };
}

const NO_DATA = new Uint8Array(0);

export function parseIpv4(text: string): number {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) {
    throw new RangeError(`"${text}" is no IPv4 address`);
  }
  return ((parts[0]! << 24) | (parts[1]! << 16) | (parts[2]! << 8) | parts[3]!) >>> 0;
}

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

export function parsePrefix(text: string): Prefix {
  const [address = "", length = ""] = text.split("/");
  const bits = Number(length);
  if (length === "" || !Number.isInteger(bits) || bits < 0 || bits > 32) {
    throw new RangeError(`"${text}" is no IPv4 prefix`);
  }
  return { address: maskTo(parseIpv4(address), bits), length: bits };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatIpv4(prefix.address)}/${prefix.length}`;
}

/** Clears the bits beyond `length`. */
export function maskTo(address: number, length: number): number {
  return length === 0 ? 0 : (address & (0xffff_ffff << (32 - length))) >>> 0;
}
