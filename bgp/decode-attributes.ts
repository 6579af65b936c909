/**
 * Path attributes (RFC 4271 §4.3, §5) under the revised error handling of RFC 7606: a spoilt attribute costs the route
 * (treat-as-withdraw) or itself (discard), never the session, unless a well-known attribute is not recognised.
 */
import {
  AS_TRANS,
  ERROR,
  fault,
  SEGMENT,
  type AsSegment,
  type Fault,
  type PathAttributes,
} from "./messages.ts";
import { Reader } from "./reader.ts";

export interface DecodeContext {
  /** Octets of an AS number in UPDATEs of this session. */
  readonly asOctets: 2 | 4;
  /** The peer is in another AS: LOCAL_PREF from it is discarded (RFC 7606 §7.5). */
  readonly isExternal: boolean;
}

export type AttributesResult =
  | {
      readonly kind: "ok";
      readonly attributes: PathAttributes | undefined;
      readonly remarks: readonly string[];
    }
  | { readonly kind: "treat-as-withdraw"; readonly reason: string }
  | { readonly kind: "fault"; readonly fault: Fault };

const FLAG_OPTIONAL = 0x80;
const FLAG_TRANSITIVE = 0x40;
const FLAG_EXTENDED = 0x10;
const FLAGS_WELL_KNOWN = FLAG_TRANSITIVE;
const FLAGS_TRANSITIVE = FLAG_OPTIONAL | FLAG_TRANSITIVE;
const FLAGS_KIND = FLAG_OPTIONAL | FLAG_TRANSITIVE;

/** MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760): which of two would count cannot be known. */
const REACHABILITY: readonly number[] = [14, 15];
/** ORIGINATOR_ID and CLUSTER_LIST (RFC 4456) mean something within one AS only. */
const REFLECTION: readonly number[] = [9, 10];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What has been read so far; AS4_PATH and AS4_AGGREGATOR are merged at the end. */
type Draft = Partial<Mutable<PathAttributes>> & {
  as4Path?: AsSegment[];
  as4Aggregator?: { as: number; address: number };
  others: { flags: number; type: number; value: Uint8Array }[];
};

/** `spoils`: the route is lost; `discard`: only the attribute is; undefined: read. */
type Verdict = { readonly spoils: string } | { readonly discard: string } | undefined;

interface Kind {
  readonly name: string;
  readonly flags: number;
  readonly read: (value: Uint8Array, draft: Draft, context: DecodeContext) => Verdict;
}

const KINDS: Readonly<Record<number, Kind>> = {
  1: { name: "ORIGIN", flags: FLAGS_WELL_KNOWN, read: readOrigin },
  2: { name: "AS_PATH", flags: FLAGS_WELL_KNOWN, read: readAsPath },
  3: { name: "NEXT_HOP", flags: FLAGS_WELL_KNOWN, read: readNextHop },
  4: { name: "MULTI_EXIT_DISC", flags: FLAG_OPTIONAL, read: readMed },
  5: { name: "LOCAL_PREF", flags: FLAGS_WELL_KNOWN, read: readLocalPref },
  6: { name: "ATOMIC_AGGREGATE", flags: FLAGS_WELL_KNOWN, read: readAtomicAggregate },
  7: { name: "AGGREGATOR", flags: FLAGS_TRANSITIVE, read: readAggregator },
  8: { name: "COMMUNITIES", flags: FLAGS_TRANSITIVE, read: readCommunities },
  17: { name: "AS4_PATH", flags: FLAGS_TRANSITIVE, read: readAs4Path },
  18: { name: "AS4_AGGREGATOR", flags: FLAGS_TRANSITIVE, read: readAs4Aggregator },
  32: { name: "LARGE_COMMUNITY", flags: FLAGS_TRANSITIVE, read: readLargeCommunities },
};

export function decodeAttributes(
  bytes: Uint8Array,
  isAnnouncing: boolean,
  context: DecodeContext,
): AttributesResult {
  const reader = new Reader(bytes);
  const draft: Draft = { others: [] };
  const seen = new Set<number>();
  const remarks: string[] = [];
  let spoilt: string | undefined;
  while (reader.left > 0) {
    const flags = reader.u8();
    const type = reader.u8();
    const value = reader.bytes((flags & FLAG_EXTENDED) === 0 ? reader.u8() : reader.u16());
    if (reader.hasFailed) {
      spoilt ??= "attributes run past their total length"; // RFC 7606 §4
      break;
    }
    if (seen.has(type)) {
      if (REACHABILITY.includes(type)) return repeated(type); // RFC 7606 §3.g
      remarks.push(`discard: attribute ${type} appears twice`); // RFC 7606 §3.g: all but the first.
      continue;
    }
    seen.add(type);
    const kind = KINDS[type];
    if (kind === undefined) {
      if ((flags & FLAG_OPTIONAL) === 0) return unrecognized(flags, type, value);
      if (context.isExternal && REFLECTION.includes(type)) {
        remarks.push(`discard: attribute ${type}: from an external peer`); // RFC 7606 §7.9, §7.10
        continue;
      }
      draft.others.push({ flags: flags & ~FLAG_EXTENDED, type, value });
      continue;
    }
    const verdict =
      (flags & FLAGS_KIND) === kind.flags
        ? kind.read(value, draft, context)
        : { spoils: `flags ${flags.toString(16)}` };
    if (verdict === undefined) continue;
    if ("discard" in verdict) remarks.push(`discard: ${kind.name}: ${verdict.discard}`);
    else spoilt ??= `${kind.name}: ${verdict.spoils}`;
  }
  if (spoilt !== undefined) return { kind: "treat-as-withdraw", reason: spoilt };
  return finished(draft, isAnnouncing, seen.size > 0, context, remarks);
}

function finished(
  draft: Draft,
  isAnnouncing: boolean,
  hasAny: boolean,
  context: DecodeContext,
  remarks: readonly string[],
): AttributesResult {
  const { origin, asPath, nextHop, as4Path, as4Aggregator, others, ...rest } = draft;
  if (origin === undefined || asPath === undefined || nextHop === undefined) {
    // RFC 7606 §3.d: only a route that is announced needs them.
    if (isAnnouncing) return { kind: "treat-as-withdraw", reason: "a mandatory attribute is missing" };
    return {
      kind: "ok",
      attributes: undefined,
      remarks: hasAny ? [...remarks, "attributes without a route"] : remarks,
    };
  }
  const attributes: Mutable<PathAttributes> = { ...rest, origin, asPath, nextHop };
  if (context.asOctets === 2) mergeAs4(attributes, as4Path, as4Aggregator);
  if (others.length > 0) attributes.unknown = others;
  return { kind: "ok", attributes, remarks };
}

/** RFC 6793 §4.2.3: the true path is what AS_PATH has more, in front, then AS4_PATH. */
function mergeAs4(
  attributes: Mutable<PathAttributes>,
  as4Path: readonly AsSegment[] | undefined,
  as4Aggregator: { as: number; address: number } | undefined,
): void {
  if (attributes.aggregator !== undefined && as4Aggregator !== undefined) {
    // A new-style speaker aggregated after an old one: both AS4 attributes are void.
    if (attributes.aggregator.as !== AS_TRANS) return;
    attributes.aggregator = as4Aggregator;
  }
  if (as4Path === undefined) return;
  const surplus = hopCount(attributes.asPath) - hopCount(as4Path);
  if (surplus < 0) return;
  attributes.asPath = joinSequences([...firstHops(attributes.asPath, surplus), ...as4Path]);
}

/** Length for comparison: a set counts as one hop (RFC 4271 §9.1.2.2). */
function hopCount(path: readonly AsSegment[]): number {
  return path.reduce((sum, segment) => sum + (segment.kind === SEGMENT.set ? 1 : segment.ases.length), 0);
}

function firstHops(path: readonly AsSegment[], count: number): AsSegment[] {
  const taken: AsSegment[] = [];
  let left = count;
  for (const segment of path) {
    if (left <= 0) break;
    const ases = segment.kind === SEGMENT.set ? segment.ases : segment.ases.slice(0, left);
    taken.push({ kind: segment.kind, ases });
    left -= segment.kind === SEGMENT.set ? 1 : ases.length;
  }
  return taken;
}

function joinSequences(path: readonly AsSegment[]): AsSegment[] {
  const joined: AsSegment[] = [];
  for (const segment of path) {
    const last = joined.at(-1);
    const fits = last !== undefined && last.ases.length + segment.ases.length <= 255;
    if (fits && last.kind === SEGMENT.sequence && segment.kind === SEGMENT.sequence) {
      joined[joined.length - 1] = { kind: SEGMENT.sequence, ases: [...last.ases, ...segment.ases] };
    } else joined.push(segment);
  }
  return joined;
}

function unrecognized(flags: number, type: number, value: Uint8Array): AttributesResult {
  const header =
    (flags & FLAG_EXTENDED) === 0
      ? [flags, type, value.length]
      : [flags, type, value.length >>> 8, value.length & 255];
  const data = Uint8Array.of(...header, ...value);
  const reason = `well-known attribute ${type} is not recognised`;
  return { kind: "fault", fault: fault(ERROR.update.code, ERROR.update.unrecognizedWellKnown, reason, data) };
}

function repeated(type: number): AttributesResult {
  const reason = `attribute ${type} appears twice`;
  return { kind: "fault", fault: fault(ERROR.update.code, ERROR.update.malformedAttributes, reason) };
}

function readOrigin(value: Uint8Array, draft: Draft): Verdict {
  const origin = value[0];
  if (value.length !== 1 || (origin !== 0 && origin !== 1 && origin !== 2))
    return { spoils: "not 0, 1 or 2" };
  draft.origin = origin;
  return undefined;
}

function readAsPath(value: Uint8Array, draft: Draft, context: DecodeContext): Verdict {
  const path = segmentsOf(value, context.asOctets);
  if (path === undefined) return { spoils: "malformed" };
  draft.asPath = path;
  return undefined;
}

function readAs4Path(value: Uint8Array, draft: Draft, context: DecodeContext): Verdict {
  if (context.asOctets === 4) return { discard: "between 4-octet speakers" }; // RFC 6793 §6
  const path = segmentsOf(value, 4);
  if (path === undefined) return { discard: "malformed" };
  draft.as4Path = path;
  return undefined;
}

function segmentsOf(value: Uint8Array, asOctets: 2 | 4): AsSegment[] | undefined {
  const reader = new Reader(value);
  const path: AsSegment[] = [];
  while (reader.left > 0) {
    const kind = reader.u8();
    const count = reader.u8();
    if ((kind !== SEGMENT.set && kind !== SEGMENT.sequence) || count === 0) return undefined;
    const ases: number[] = [];
    for (let index = 0; index < count; index++) ases.push(asOctets === 4 ? reader.u32() : reader.u16());
    if (reader.hasFailed || ases.includes(0)) return undefined; // AS 0 is nobody (RFC 7607 §2).
    path.push({ kind, ases });
  }
  return path;
}

function readNextHop(value: Uint8Array, draft: Draft): Verdict {
  if (value.length !== 4) return { spoils: `${value.length} octets` };
  draft.nextHop = new Reader(value).u32();
  return undefined;
}

function readMed(value: Uint8Array, draft: Draft): Verdict {
  if (value.length !== 4) return { spoils: `${value.length} octets` };
  draft.med = new Reader(value).u32();
  return undefined;
}

function readLocalPref(value: Uint8Array, draft: Draft, context: DecodeContext): Verdict {
  if (context.isExternal) return { discard: "from an external peer" };
  if (value.length !== 4) return { spoils: `${value.length} octets` };
  draft.localPref = new Reader(value).u32();
  return undefined;
}

function readAtomicAggregate(value: Uint8Array, draft: Draft): Verdict {
  if (value.length !== 0) return { discard: `${value.length} octets` };
  draft.isAtomicAggregate = true;
  return undefined;
}

function readAggregator(value: Uint8Array, draft: Draft, context: DecodeContext): Verdict {
  if (value.length !== context.asOctets + 4) return { discard: `${value.length} octets` };
  const reader = new Reader(value);
  const as = context.asOctets === 4 ? reader.u32() : reader.u16();
  if (as === 0) return { discard: "AS 0" }; // RFC 7607 §2
  draft.aggregator = { as, address: reader.u32() };
  return undefined;
}

function readAs4Aggregator(value: Uint8Array, draft: Draft, context: DecodeContext): Verdict {
  if (context.asOctets === 4) return { discard: "between 4-octet speakers" };
  if (value.length !== 8) return { discard: `${value.length} octets` };
  const reader = new Reader(value);
  const as = reader.u32();
  if (as === 0) return { discard: "AS 0" };
  draft.as4Aggregator = { as, address: reader.u32() };
  return undefined;
}

function readCommunities(value: Uint8Array, draft: Draft): Verdict {
  if (value.length === 0 || value.length % 4 !== 0) return { spoils: `${value.length} octets` };
  const reader = new Reader(value);
  const communities: number[] = [];
  while (reader.left > 0) communities.push(reader.u32());
  draft.communities = communities;
  return undefined;
}

function readLargeCommunities(value: Uint8Array, draft: Draft): Verdict {
  if (value.length === 0 || value.length % 12 !== 0) return { spoils: `${value.length} octets` };
  const reader = new Reader(value);
  const communities: [number, number, number][] = [];
  while (reader.left > 0) communities.push([reader.u32(), reader.u32(), reader.u32()]);
  draft.largeCommunities = communities;
  return undefined;
}
