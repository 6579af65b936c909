/**
 * What the gateway makes of a request's head before anything of it may reach a node: one pass over the raw fields.
 *
 * Node's parser refuses bad framing (Content-Length with Transfer-Encoding, obs-fold, bare CR) but not a bad Host or
 * target, and `req.headers` joins or drops duplicates: so Host and target are judged here, from `rawHeaders`. Fields
 * that belong to one hop are left out and the forwarding fields are the gateway's own (RFC 9110 §7.6; RFC 9112 §3).
 * Left out: Forwarded (RFC 7239).
 */
import type { TrustedPeers } from "./trusted-peers.ts";
import { stripNamedFields } from "./named-fields.ts";

export interface RequestHead {
  readonly ok: true;
  readonly method: string;
  /** Path and query as received; the authority of an absolute-form target has replaced Host. */
  readonly path: string;
  /** `host[:port]`; empty only for HTTP/1.0 without Host. */
  readonly authority: string;
  /** Names and values in turn, in the order received, as they go to a node. */
  readonly fields: string[];
  /** -1: chunked, length unknown. 0: no body. */
  readonly bodyBytes: number;
  readonly hasIdempotencyKey: boolean;
  /** As the client calls it; it is not among `fields`. */
  readonly requestId: string | undefined;
  /** OPTIONS with `Max-Forwards: 0`: to be answered here. */
  readonly isLastHop: boolean;
  /** Address of the client, as far as the peer is believed about it. */
  readonly client: string;
  /** The peer may say where a request came from. */
  readonly isFromTrusted: boolean;
  /** Value of the configured vantage field, if there is one. */
  readonly vantageField: string | undefined;
}

/** The request is answered by the gateway and the connection is closed. */
export interface HeadRefusal {
  readonly ok: false;
  readonly status: number;
  readonly reason: string;
}

/** The parts of an `IncomingMessage` that are read here. */
export interface RawHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly socket: {
    readonly remoteAddress?: string | undefined;
    readonly localPort?: number | undefined;
    /** Present and true on TLS. */
    readonly encrypted?: boolean | undefined;
  };
}

/** A registered name, IPv4 or bracketed IPv6 address, and a port. No userinfo, path, comma, percent-encoding (strict). */
const AUTHORITY = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
/** The bytes RFC 3986 allows in path and query; a fragment is never sent. */
const PATH = /^\/[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=%]*$/;
const ABSOLUTE = /^http:\/\/([^/?]*)(.*)$/i;
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/;

const FORWARD = 0;
const HOST = 1;
const CONNECTION = 2;
const DROP = 3;
const LENGTH_FIELD = 4;
const ENCODING_FIELD = 5;
const UPGRADE = 6;
const IDEMPOTENCY_KEY = 7;
const REQUEST_ID = 8;
const FORWARDED_FOR = 9;
const FORWARDED_PROTO = 10;
const FORWARDED_HOST = 11;
const MAX_FORWARDS = 12;

const KIND_BY_NAME: Readonly<Record<string, number>> = {
  host: HOST,
  connection: CONNECTION,
  "content-length": LENGTH_FIELD,
  "transfer-encoding": ENCODING_FIELD,
  upgrade: UPGRADE,
  "idempotency-key": IDEMPOTENCY_KEY,
  "x-request-id": REQUEST_ID,
  "max-forwards": MAX_FORWARDS,
  "keep-alive": DROP,
  "proxy-connection": DROP,
  "proxy-authorization": DROP,
  te: DROP,
  trailer: DROP,
  // The gateway answers 100 itself; undici refuses the field.
  expect: DROP,
  // Replaced, unless the peer is trusted to say where a request came from.
  forwarded: DROP,
  "x-forwarded-for": FORWARDED_FOR,
  "x-forwarded-host": FORWARDED_HOST,
  "x-forwarded-port": DROP,
  "x-forwarded-proto": FORWARDED_PROTO,
  "x-real-ip": DROP,
};

/** Spellings seen so far: field names repeat, so most are looked up without lower-casing. */
const KIND_CACHE_MAX = 512;
const kindCache = new Map<string, number>();

/** `isTunnel`: an upgrade to WebSocket is let through. `trusted`: absent, nobody is. */
export function readHead(
  raw: RawHead,
  vantageFieldName: string | undefined,
  { isTunnel = false, trusted }: { readonly isTunnel?: boolean; readonly trusted?: TrustedPeers } = {},
): RequestHead | HeadRefusal {
  const fields: string[] = [];
  const names = raw.rawHeaders;
  const vantageFieldLength = vantageFieldName?.length ?? -1;
  let host: string | undefined;
  let hostCount = 0;
  let named = "";
  let bodyBytes = 0;
  let hasIdempotencyKey = false;
  let isLastHop = false;
  let requestId: string | undefined;
  let forwardedFor = "";
  let forwardedProto = "";
  let forwardedHost = "";
  let upgrade: string | undefined;
  let vantageField: string | undefined;

  for (let index = 0; index < names.length; index += 2) {
    const name = names[index]!;
    const value = names[index + 1]!;
    switch (kindOf(name)) {
      case HOST:
        host = value;
        hostCount += 1;
        continue;
      case CONNECTION:
        named = named === "" ? value : `${named},${value}`;
        continue;
      case LENGTH_FIELD:
        if (!LENGTH.test(value)) return refuse(400, "Content-Length is no plain number");
        bodyBytes = Number(value);
        break;
      case ENCODING_FIELD:
        if (value.toLowerCase() !== "chunked") return refuse(501, "Transfer-Encoding is not chunked");
        bodyBytes = -1;
        continue;
      case UPGRADE:
        upgrade = value;
        continue;
      case IDEMPOTENCY_KEY:
        hasIdempotencyKey = value !== "";
        break;
      case MAX_FORWARDS:
        if (raw.method !== "OPTIONS") break;
        // RFC 9110 §7.6.2: one less for the next recipient; with 0 this one is the last.
        if (!/^\d{1,9}$/.test(value)) return refuse(400, "Max-Forwards is no plain number");
        isLastHop = Number(value) === 0;
        fields.push(name, String(Math.max(0, Number(value) - 1)));
        continue;
      case REQUEST_ID:
        requestId ??= value;
        continue;
      case FORWARDED_FOR:
        forwardedFor = forwardedFor === "" ? value : `${forwardedFor}, ${value}`;
        continue;
      case FORWARDED_PROTO:
        forwardedProto = value;
        continue;
      case FORWARDED_HOST:
        forwardedHost = value;
        continue;
      case DROP:
        continue;
      default:
    }
    if (name.length === vantageFieldLength && name.toLowerCase() === vantageFieldName) vantageField = value;
    fields.push(name, value);
  }

  const method = raw.method ?? "";
  if (method === "CONNECT" || method === "TRACE") return refuse(405, `${method} is not offered`);
  if (!isTunnel && upgrade !== undefined && /(?:^|,)\s*websocket/i.test(upgrade)) {
    return refuse(501, "Upgrade is not offered");
  }
  if (hostCount > 1) return refuse(400, "more than one Host");
  if (host === undefined && raw.httpVersion !== "1.0") return refuse(400, "no Host");
  if (host !== undefined && !AUTHORITY.test(host)) return refuse(400, "Host is not host[:port]");

  let path = raw.url ?? "";
  let authority = host ?? "";
  if (path.charCodeAt(0) !== 0x2f /* "/" */) {
    if (path === "*") {
      if (method !== "OPTIONS") return refuse(400, "target * with a method other than OPTIONS");
      return refuse(501, "OPTIONS * is not forwarded");
    }
    const absolute = ABSOLUTE.exec(path);
    if (absolute === null) return refuse(400, "target is neither a path nor an http URL");
    authority = absolute[1]!;
    if (!AUTHORITY.test(authority)) return refuse(400, "authority of the target is not host[:port]");
    path = absolute[2]!.startsWith("/") ? absolute[2]! : `/${absolute[2]!}`;
  }
  if (!PATH.test(path)) return refuse(400, "target holds bytes no URI has");

  if (named !== "") stripNamedFields(fields, named);
  const peer = raw.socket.remoteAddress ?? "unknown";
  const isTrusted = trusted?.has(peer) === true;
  const told = isTrusted ? { for: forwardedFor, proto: forwardedProto, host: forwardedHost } : undefined;
  addOwnFields(fields, authority, raw, told);
  const client = isTrusted ? trusted.clientOf(peer, forwardedFor) : peer;
  return {
    ok: true,
    method,
    path,
    authority,
    fields,
    bodyBytes,
    hasIdempotencyKey,
    requestId,
    isLastHop,
    client,
    isFromTrusted: isTrusted,
    vantageField,
  };
}

/** `forwarded`: what a trusted peer says; undefined: nothing that counts. */
function addOwnFields(
  fields: string[],
  authority: string,
  raw: RawHead,
  forwarded: { readonly for: string; readonly proto: string; readonly host: string } | undefined,
): void {
  const host = forwarded !== undefined && AUTHORITY.test(forwarded.host) ? forwarded.host : authority;
  if (authority !== "") fields.push("host", authority, "x-forwarded-host", host);
  // Behind every Via that came: several lines are one list, in order (RFC 9110 §5.3).
  fields.push("via", raw.httpVersion === "1.0" ? "1.0 anycastle" : "1.1 anycastle");
  const peer = raw.socket.remoteAddress ?? "unknown";
  const before = forwarded?.for ?? "";
  fields.push("x-forwarded-for", before === "" ? peer : `${before}, ${peer}`);
  const own = raw.socket.encrypted === true ? "https" : "http";
  const isTold = forwarded?.proto === "http" || forwarded?.proto === "https";
  fields.push("x-forwarded-proto", isTold ? forwarded.proto : own);
}

function refuse(status: number, reason: string): HeadRefusal {
  return { ok: false, status, reason };
}

function kindOf(name: string): number {
  const known = kindCache.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const kind = Object.hasOwn(KIND_BY_NAME, lower) ? KIND_BY_NAME[lower]! : FORWARD;
  if (kindCache.size < KIND_CACHE_MAX) kindCache.set(name, kind);
  return kind;
}
