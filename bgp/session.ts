/**
 * One BGP session as a pure state machine (RFC 4271 §8): events and the time go in, actions come out. The same machine
 * serves both ends: the `active` side (a node) opens the transport and tries again when it is lost, the `passive` side
 * (a router) is made when a transport is accepted and learns from the OPEN who its peer is.
 *
 *           start/transportUp            OPEN ok                KEEPALIVE
 *   Idle ----> Connect ----> OpenSent ----------> OpenConfirm ----------> Established
 *     ^           |              |                     |                       |
 *     +-----------+--------------+-----(any error: NOTIFICATION, close)--------+
 *
 * Left out: collision detection between two transports of one peer (only one side ever connects; the router refuses
 * a second established session itself), delayed open and damping of oscillating peers. BFD is another machine
 * (`bfd/session.ts`); it ends this one through `bfdDown`.
 */
import { encodeMessage } from "./encode.ts";
import { decodeBody } from "./decode.ts";
import { MessageFramer } from "./framer.ts";
import {
  AS_TRANS,
  ERROR,
  fault,
  formatIpv4,
  formatPrefix,
  type Capability,
  type Fault,
  type Message,
  type OpenMessage,
  type PathAttributes,
  type Prefix,
  type UpdateMessage,
} from "./messages.ts";

/** While no OPEN has come yet (RFC 4271 §8.2.2 suggests 4 minutes). */
const OPEN_HOLD_MS = 240_000;
/**
 * A third of the hold time, without the jitter of RFC 4271 §10: a node has one session, so there is nothing to keep
 * from falling into step, and a silent failure is then noticed within (2/3, 1] of the hold time, exactly.
 */
const KEEPALIVES_PER_HOLD = 3;

export interface SessionConfig {
  readonly localAs: number;
  /** Unsigned 32-bit number. */
  readonly bgpId: number;
  /** Offered hold time in seconds: 0 (never expires) or at least 3. */
  readonly holdTimeS: number;
  /** Active side: pause between a lost transport and the next try. */
  readonly connectRetryMs: number;
  /** Who may speak: undefined accepts, else the subcode of the OPEN error that refuses. */
  readonly refusePeer: (
    open: OpenMessage,
  ) => { readonly subcode: number; readonly reason: string } | undefined;
}

export type SessionState =
  | { readonly name: "idle" }
  | { readonly name: "connect"; readonly retryAtMs: number | undefined }
  | { readonly name: "open-sent"; readonly holdAtMs: number }
  | { readonly name: "open-confirm"; readonly peer: Peer; holdAtMs: number; keepaliveAtMs: number }
  | { readonly name: "established"; readonly peer: Peer; holdAtMs: number; keepaliveAtMs: number };

/** What was negotiated. Times in ms; infinite when the agreed hold time is 0. */
export interface Peer {
  readonly as: number;
  readonly bgpId: number;
  readonly holdMs: number;
  readonly keepaliveMs: number;
  readonly asOctets: 2 | 4;
}

export type SessionAction =
  | { readonly do: "connect" }
  | { readonly do: "send"; readonly bytes: Uint8Array }
  | { readonly do: "close" }
  | { readonly do: "up"; readonly peer: Peer }
  /** The session was up and is not any more; whatever the peer had announced is gone. */
  | { readonly do: "down"; readonly reason: string }
  /** An attempt ended before the session was up. */
  | { readonly do: "failed"; readonly reason: string }
  | { readonly do: "update"; readonly update: UpdateMessage; readonly remarks: readonly string[] };

export class BgpSession {
  readonly #config: SessionConfig;
  readonly #role: "active" | "passive";
  #state: SessionState = { name: "idle" };
  #framer = new MessageFramer();
  #actions: SessionAction[] = [];
  /** What this side announces, by prefix; sent when the session comes up and whenever it changes. */
  readonly #adjRibOut = new Map<string, { prefix: Prefix; attributes: PathAttributes }>();

  constructor(config: SessionConfig, role: "active" | "passive") {
    this.#config = config;
    this.#role = role;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** What is to be done since the last call, in order. */
  takeActions(): SessionAction[] {
    const taken = this.#actions;
    this.#actions = [];
    return taken;
  }

  /** When `tick` is next due; undefined when nothing is waited for. */
  nextDeadlineMs(): number | undefined {
    const state = this.#state;
    switch (state.name) {
      case "idle":
        return undefined;
      case "connect":
        return state.retryAtMs;
      case "open-sent":
        return state.holdAtMs;
      default: {
        const dueMs = Math.min(state.holdAtMs, state.keepaliveAtMs);
        return Number.isFinite(dueMs) ? dueMs : undefined;
      }
    }
  }

  /** Active side: begin. */
  start(): void {
    if (this.#state.name !== "idle") return;
    this.#state = { name: "connect", retryAtMs: undefined };
    this.#act({ do: "connect" });
  }

  /** Ends the session for good with Cease (RFC 4486), saying why (RFC 9003); `start` begins anew. */
  stop(reason: string, subcode: number = ERROR.cease.administrativeShutdown): void {
    const { name } = this.#state;
    if (name === "idle") return;
    if (name !== "connect") this.#notify(fault(ERROR.cease.code, subcode, reason, shutdownText(reason)));
    this.#leave(reason);
    this.#state = { name: "idle" };
  }

  /**
   * BFD has lost the peer: the session ends as if its hold timer had run out, with Cease/BFD Down (RFC 9384), and the
   * active side tries again. Before it is up there is nothing to end.
   */
  bfdDown(reason: string, nowMs: number): void {
    if (this.#state.name !== "established") return;
    this.#fail(fault(ERROR.cease.code, ERROR.cease.bfdDown, `BFD down: ${reason}`), nowMs);
  }

  transportUp(nowMs: number): void {
    if (this.#state.name !== "connect" && this.#role === "active") return;
    this.#framer = new MessageFramer();
    this.#state = { name: "open-sent", holdAtMs: nowMs + OPEN_HOLD_MS };
    this.#send(this.#open());
  }

  /** The transport failed to open, was closed or was reset. */
  transportDown(reason: string, nowMs: number): void {
    if (this.#state.name === "idle") return;
    this.#leave(reason);
    this.#retryOrRest(nowMs);
  }

  receive(bytes: Uint8Array, nowMs: number): void {
    for (const frame of this.#framer.push(bytes)) {
      if (this.#state.name === "idle" || this.#state.name === "connect") return;
      if (!frame.ok) return this.#fail(frame.fault, nowMs);
      const decoded = decodeBody(frame.type, frame.body, this.#decodeContext());
      if (!decoded.ok) return this.#fail(decoded.fault, nowMs);
      this.#message(decoded.message, decoded.remarks, nowMs);
    }
  }

  /** Timers: call when `nextDeadlineMs` has come; harmless at any other time. */
  tick(nowMs: number): void {
    const state = this.#state;
    if (state.name === "connect" && state.retryAtMs !== undefined && nowMs >= state.retryAtMs) {
      this.#state = { name: "connect", retryAtMs: undefined };
      return this.#act({ do: "connect" });
    }
    if (state.name === "idle" || state.name === "connect") return;
    if (nowMs >= state.holdAtMs)
      return this.#fail(fault(ERROR.holdTimer.code, 0, "hold timer expired"), nowMs);
    if (state.name !== "open-sent" && nowMs >= state.keepaliveAtMs) this.#keepalive(state, nowMs);
  }

  /**
   * Puts off the hold timer by time in which this process could not have read what the peer sent: its own stall. The
   * caller bounds it.
   */
  creditStall(stallMs: number): void {
    const state = this.#state;
    if (state.name === "open-confirm" || state.name === "established") state.holdAtMs += stallMs;
  }

  announce(prefix: Prefix, attributes: PathAttributes): void {
    const entry = { prefix, attributes };
    this.#adjRibOut.set(formatPrefix(prefix), entry);
    if (this.#state.name === "established") this.#sendRoute(entry);
  }

  withdraw(prefix: Prefix): void {
    const wasAnnounced = this.#adjRibOut.delete(formatPrefix(prefix));
    if (!wasAnnounced || this.#state.name !== "established") return;
    this.#send({ type: "update", withdrawn: [prefix], announced: [] });
  }

  #message(message: Message, remarks: readonly string[], nowMs: number): void {
    const state = this.#state;
    if (message.type === "notification") {
      this.#leave(`peer sent NOTIFICATION ${message.code}/${message.subcode}`);
      return this.#retryOrRest(nowMs);
    }
    if (state.name === "open-sent") {
      if (message.type === "open") return this.#opened(message, nowMs);
      return this.#outOfPlace(message, ERROR.fsm.inOpenSent, nowMs);
    }
    if (state.name === "open-confirm") {
      if (message.type === "keepalive") return this.#established(state.peer, nowMs);
      return this.#outOfPlace(message, ERROR.fsm.inOpenConfirm, nowMs);
    }
    if (state.name !== "established") return;
    if (message.type === "open") return this.#outOfPlace(message, ERROR.fsm.inEstablished, nowMs);
    state.holdAtMs = nowMs + state.peer.holdMs;
    if (message.type === "update") this.#act({ do: "update", update: message, remarks });
    if (message.type === "route-refresh" && message.afi === 1 && message.safi === 1)
      for (const entry of this.#adjRibOut.values()) this.#sendRoute(entry);
  }

  #opened(open: OpenMessage, nowMs: number): void {
    const refusal = this.#config.refusePeer(open);
    if (refusal !== undefined)
      return this.#fail(fault(ERROR.open.code, refusal.subcode, refusal.reason), nowMs);
    const holdTimeS = Math.min(open.holdTimeS, this.#config.holdTimeS);
    const holdMs = holdTimeS === 0 ? Infinity : holdTimeS * 1000;
    const keepaliveMs = holdMs / KEEPALIVES_PER_HOLD;
    const isFourOctet = open.capabilities.some((capability) => capability.kind === "four-octet-as");
    const peer: Peer = { as: open.as, bgpId: open.bgpId, holdMs, keepaliveMs, asOctets: isFourOctet ? 4 : 2 };
    this.#send({ type: "keepalive" });
    this.#state = {
      name: "open-confirm",
      peer,
      holdAtMs: nowMs + holdMs,
      keepaliveAtMs: nowMs + keepaliveMs,
    };
  }

  #established(peer: Peer, nowMs: number): void {
    this.#state = {
      name: "established",
      peer,
      holdAtMs: nowMs + peer.holdMs,
      keepaliveAtMs: nowMs + peer.keepaliveMs,
    };
    this.#act({ do: "up", peer });
    for (const entry of this.#adjRibOut.values()) this.#sendRoute(entry);
    this.#send({ type: "update", withdrawn: [], announced: [] }); // End-of-RIB (RFC 4724 §2).
  }

  #keepalive(state: { readonly peer: Peer; keepaliveAtMs: number }, nowMs: number): void {
    this.#send({ type: "keepalive" });
    state.keepaliveAtMs = nowMs + state.peer.keepaliveMs;
  }

  #sendRoute(entry: { prefix: Prefix; attributes: PathAttributes }): void {
    this.#send({ type: "update", withdrawn: [], announced: [entry.prefix], attributes: entry.attributes });
  }

  #outOfPlace(message: Message, subcode: number, nowMs: number): void {
    this.#fail(fault(ERROR.fsm.code, subcode, `${message.type} in state ${this.#state.name}`), nowMs);
  }

  #fail(wrong: Fault, nowMs: number): void {
    this.#notify(wrong);
    this.#leave(wrong.reason);
    this.#retryOrRest(nowMs);
  }

  #notify(wrong: Fault): void {
    this.#send({ type: "notification", code: wrong.code, subcode: wrong.subcode, data: wrong.data });
  }

  /** Closes the transport and says what ended. */
  #leave(reason: string): void {
    const wasUp = this.#state.name === "established";
    this.#act({ do: "close" });
    this.#act(wasUp ? { do: "down", reason } : { do: "failed", reason });
  }

  #retryOrRest(nowMs: number): void {
    this.#state =
      this.#role === "active"
        ? { name: "connect", retryAtMs: nowMs + this.#config.connectRetryMs }
        : { name: "idle" };
  }

  #open(): OpenMessage {
    const capabilities: Capability[] = [
      { kind: "multiprotocol", afi: 1, safi: 1 },
      { kind: "route-refresh" },
      { kind: "four-octet-as", as: this.#config.localAs },
    ];
    const { localAs: as, holdTimeS, bgpId } = this.#config;
    return { type: "open", as, holdTimeS, bgpId, capabilities };
  }

  #decodeContext(): { asOctets: 2 | 4; isExternal: boolean } {
    const state = this.#state;
    if (state.name !== "open-confirm" && state.name !== "established")
      return { asOctets: 4, isExternal: true };
    return { asOctets: state.peer.asOctets, isExternal: state.peer.as !== this.#config.localAs };
  }

  #send(message: Message): void {
    const state = this.#state;
    const asOctets = state.name === "established" ? state.peer.asOctets : 4;
    this.#act({ do: "send", bytes: encodeMessage(message, { asOctets }) });
  }

  #act(action: SessionAction): void {
    this.#actions.push(action);
  }
}

/** The usual check of a configured peer (RFC 4271 §6.2). */
export function refuseUnless(as: number, bgpId?: number): SessionConfig["refusePeer"] {
  return (open) => {
    if (open.as !== as || open.as === AS_TRANS) {
      return { subcode: ERROR.open.badPeerAs, reason: `AS ${open.as} is not the configured AS ${as}` };
    }
    if (bgpId !== undefined && open.bgpId !== bgpId) {
      const reason = `BGP identifier ${formatIpv4(open.bgpId)} is not the configured ${formatIpv4(bgpId)}`;
      return { subcode: ERROR.open.badBgpId, reason };
    }
    return undefined;
  };
}

/** RFC 9003 §2: a length octet and at most 255 octets of UTF-8; ours are ASCII. */
function shutdownText(reason: string): Uint8Array {
  const text = reason.slice(0, 255);
  const bytes = new Uint8Array(text.length + 1);
  bytes[0] = text.length;
  for (let index = 0; index < text.length; index++) bytes[index + 1] = text.charCodeAt(index) & 0x7f;
  return bytes;
}
