/**
 * One BFD session in asynchronous mode as a pure state machine (RFC 5880 §6): packets, the time and chance go in,
 * packets to send and changes of state come out. Both ends run it, and both begin to speak by themselves (the active
 * role of §6.1).
 *
 *                 +--+
 *                 |  | UP, ADMIN DOWN                 AdminDown is entered and left by `disable` and `enable`.
 *                 |  V
 *       DOWN  +--------+  INIT
 *      +------|  Down  |------+
 *      |      +--------+      |
 *      V        ^    ^        V
 *   +------+    |    |    +------+
 *   | Init |----+    +----|  Up  |   back: detection time over, ADMIN DOWN; from Up also DOWN
 *   +------+              +------+
 *      |     INIT, UP         ^
 *      +----------------------+
 *
 * A session that is not Up sends once a second at most (§6.8.3); it comes up within some round trips all the same,
 * because every change of what a packet would say is sent at once (§6.8.7), and each side's change answers the other's.
 *
 * Left out: the passive role, demand mode of our own (a neighbor's is obeyed), echo, authentication, and a limit on
 * answers to polls: they are one for one, so nobody can make us send more than he sends.
 */
import { invariant } from "#core/assert.ts";
import { DIAGNOSTIC, encodeBfd, type BfdPacket, type BfdState } from "./packet.ts";

export interface BfdTimers {
  /** Whole milliseconds between packets that we would like to send, at the least. */
  readonly desiredMinTxMs: number;
  /** Whole milliseconds between packets that we can receive, at the least. */
  readonly requiredMinRxMs: number;
  /** The neighbor counts us as down after so many intervals without a packet: 1 to 255. */
  readonly detectMultiplier: number;
}

/** An integer in [min, max], both included. */
export type DrawInteger = (min: number, max: number) => number;

/**
 * `handshake`: on the way up. `expired`: nothing was heard for the detection time. `neighbor-down`: the neighbor says
 * that it lost us. `neighbor-admin`: it was switched off over there. `local`: we were told to.
 */
export type BfdCause = "handshake" | "expired" | "neighbor-down" | "neighbor-admin" | "local";

export interface BfdChange {
  readonly from: BfdState;
  readonly to: BfdState;
  readonly cause: BfdCause;
  readonly reason: string;
  /** `expired` only: how long nothing had been heard, less what we could not have heard, ms. */
  readonly silentMs: number | null;
}

export type BfdAction =
  | { readonly do: "send"; readonly bytes: Uint8Array }
  | { readonly do: "changed"; readonly change: BfdChange };

const US_PER_MS = 1000;
/** §6.8.3: the least interval of a session that is not Up. */
const SLOW_TX_US = 1_000_000;
/** §6.8.1: of a neighbor that has not spoken yet. */
const REMOTE_MIN_RX_FIRST_US = 1;
/** Jitter of §6.8.7, in 1/10,000 of the interval. */
const JITTER = { whole: 10_000, min: 7_500, maxOfOne: 9_000 } as const;
/**
 * The most that our own stalls may put off one verdict. Freezes of a whole box of up to 2.6 s were seen; a process that
 * cannot read for longer has no business to vouch for anybody.
 */
export const STALL_CREDIT_MS_MAX = 3000;

/** What the neighbor last said of itself (§6.8.1). */
interface Remote {
  discriminator: number;
  state: BfdState;
  detectMultiplier: number;
  desiredMinTxUs: number;
  minRxUs: number;
  isDemand: boolean;
  heardAtMs: number;
}

const UNHEARD: Readonly<Remote> = {
  discriminator: 0,
  state: "down",
  detectMultiplier: 0,
  desiredMinTxUs: 0,
  minRxUs: REMOTE_MIN_RX_FIRST_US,
  isDemand: false,
  heardAtMs: -Infinity,
};

export class BfdSession {
  readonly localDiscriminator: number;
  readonly #draw: DrawInteger;
  #timers: BfdTimers;
  #state: BfdState = "admin-down";
  #diagnostic: number = DIAGNOSTIC.none;
  #remote: Remote = { ...UNHEARD };
  /** Own stalls since the neighbor was last heard, ms. */
  #creditMs = 0;
  /** Intervals in force; what packets say may be ahead of them until the neighbor has answered a poll (§6.8.3). */
  #txUs: number;
  #rxUs: number;
  #isPolling = false;
  /** Something changed while the poll was under way: its answer may be to what was said before. */
  #mustPollAgain = false;
  #sentAtMs = -Infinity;
  /** This packet's share of the interval, in 1/10,000. */
  #jitter: number = JITTER.whole;
  /** What the last packet said, but for P and F. */
  #said = "";
  /** AdminDown is told until then; -Infinity: the session was never switched on. */
  #farewellUntilMs = -Infinity;
  #upCount = 0;
  #actions: BfdAction[] = [];

  /** Starts switched off. `localDiscriminator`: unsigned 32-bit, not 0, of no other session of this system. */
  constructor(localDiscriminator: number, timers: BfdTimers, draw: DrawInteger) {
    invariant(
      localDiscriminator > 0 && localDiscriminator <= 0xffff_ffff,
      "a discriminator is 1 to 2^32 - 1",
    );
    checkTimers(timers);
    this.localDiscriminator = localDiscriminator;
    this.#timers = timers;
    this.#draw = draw;
    this.#txUs = this.#advertisedTxUs();
    this.#rxUs = this.#advertisedRxUs();
  }

  get state(): BfdState {
    return this.#state;
  }

  /** The neighbor's own discriminator; 0: not heard. */
  get remoteDiscriminator(): number {
    return this.#remote.discriminator;
  }

  /** How often it has come up: tells one life of it from the next. */
  get upCount(): number {
    return this.#upCount;
  }

  /** What is to be done since the last call, in order. */
  takeActions(): BfdAction[] {
    const taken = this.#actions;
    this.#actions = [];
    return taken;
  }

  /** When `transmit` or `judge` is next due; undefined when nothing is waited for. */
  nextDeadlineMs(): number | undefined {
    const dueMs = Math.min(this.#detectAtMs(), this.#sendAtMs());
    return Number.isFinite(dueMs) ? dueMs : undefined;
  }

  /**
   * How long after the neighbor's last packet it counts as down, ms (§6.8.4): its multiplier times the interval agreed
   * for its packets. Undefined while it has not been heard.
   */
  detectionMs(): number | undefined {
    if (this.#remote.discriminator === 0) return undefined;
    const { detectMultiplier, desiredMinTxUs } = this.#remote;
    return (detectMultiplier * Math.max(this.#rxUs, desiredMinTxUs)) / US_PER_MS;
  }

  /** Begins to speak. */
  enable(nowMs: number): void {
    if (this.#state !== "admin-down") return;
    this.#diagnostic = DIAGNOSTIC.none;
    this.#enter("down", "local", "switched on");
    this.#sayIfNew(nowMs);
  }

  /** AdminDown (§6.8.16): the neighbor is told at once, and for a detection time on. No fault, and no alarm there. */
  disable(reason: string, nowMs: number): void {
    if (this.#state === "admin-down") return;
    this.#diagnostic = DIAGNOSTIC.administrativelyDown;
    this.#enter("admin-down", "local", reason);
    this.#farewellUntilMs = nowMs + (this.#timers.detectMultiplier * this.#advertisedTxUs()) / US_PER_MS;
    this.#sayIfNew(nowMs);
  }

  /**
   * Forgets the neighbor and begins anew, when there is reason to believe that another one, or another life of it, now
   * stands at the other end.
   */
  reset(reason: string, nowMs: number): void {
    this.#forgetRemote();
    if (this.#state !== "init" && this.#state !== "up") return;
    this.#diagnostic = DIAGNOSTIC.none;
    this.#enter("down", "local", reason);
    this.#sayIfNew(nowMs);
  }

  /** Other intervals (§6.8.3): they take effect when the neighbor has answered a poll, where it could be harmed before. */
  setTimers(timers: BfdTimers, nowMs: number): void {
    checkTimers(timers);
    const txUs = this.#advertisedTxUs();
    const rxUs = this.#advertisedRxUs();
    this.#timers = timers;
    if (this.#advertisedTxUs() !== txUs || this.#advertisedRxUs() !== rxUs) this.#intervalsChanged();
    this.#sayIfNew(nowMs);
  }

  /** A packet that was found to be for this session (§6.8.6 from there on). */
  receive(packet: BfdPacket, nowMs: number): void {
    this.#remote = {
      discriminator: packet.myDiscriminator,
      state: packet.state,
      detectMultiplier: packet.detectMultiplier,
      desiredMinTxUs: packet.desiredMinTxUs,
      minRxUs: packet.requiredMinRxUs,
      isDemand: packet.isDemand,
      heardAtMs: nowMs,
    };
    this.#creditMs = 0;
    if (packet.isFinal) this.#pollAnswered();
    if (this.#state === "admin-down") return;
    this.#follow(packet.state);
    if (packet.isPoll) this.#send(true, nowMs);
    else this.#sayIfNew(nowMs);
  }

  /** Sends what is due: call when `nextDeadlineMs` has come. Harmless at other times, as the two below. */
  transmit(nowMs: number): void {
    if (nowMs >= this.#sendAtMs()) this.#send(false, nowMs);
  }

  /** The neighbor seems to be silent; `judge` should follow once everything that has arrived was read. */
  isVerdictDue(nowMs: number): boolean {
    return nowMs >= this.#detectAtMs();
  }

  judge(nowMs: number): void {
    if (nowMs >= this.#detectAtMs()) this.#expire(nowMs);
  }

  /** Puts off the verdict by time in which this process could not have read, within `STALL_CREDIT_MS_MAX`. */
  creditStall(stallMs: number): void {
    if (this.#remote.discriminator === 0) return;
    this.#creditMs = Math.min(this.#creditMs + stallMs, STALL_CREDIT_MS_MAX);
  }

  /** The table of §6.8.6: our state and the neighbor's. */
  #follow(heard: BfdState): void {
    const state = this.#state;
    if (heard === "admin-down") {
      if (state === "down") return;
      this.#diagnostic = DIAGNOSTIC.neighborSignaledDown;
      return this.#enter("down", "neighbor-admin", "the neighbor was switched off");
    }
    if (state === "down") {
      if (heard === "down") this.#enter("init", "handshake", "heard the neighbor");
      else if (heard === "init") this.#enter("up", "handshake", "heard and is heard");
    } else if (state === "init") {
      if (heard !== "down") this.#enter("up", "handshake", "heard and is heard");
    } else if (heard === "down") {
      this.#diagnostic = DIAGNOSTIC.neighborSignaledDown;
      this.#enter("down", "neighbor-down", "the neighbor says that it is down");
    }
  }

  #expire(nowMs: number): void {
    const silentMs = nowMs - this.#remote.heardAtMs - this.#creditMs;
    const reason = `nothing heard for ${Math.round(silentMs)} ms`;
    this.#forgetRemote();
    if (this.#state !== "init" && this.#state !== "up") return;
    this.#diagnostic = DIAGNOSTIC.detectionTimeExpired;
    this.#enter("down", "expired", reason, silentMs);
    this.#sayIfNew(nowMs);
  }

  /**
   * §6.8.1 wants only the discriminator forgotten. The neighbor's wish for no packets goes with it, or a neighbor that
   * died while it wished so could never be found again.
   */
  #forgetRemote(): void {
    this.#remote = { ...UNHEARD };
    this.#creditMs = 0;
  }

  #enter(to: BfdState, cause: BfdCause, reason: string, silentMs: number | null = null): void {
    const from = this.#state;
    const txUs = this.#advertisedTxUs();
    this.#state = to;
    if (to === "up") {
      this.#upCount += 1;
      this.#diagnostic = DIAGNOSTIC.none;
    }
    this.#actions.push({ do: "changed", change: { from, to, cause, reason, silentMs } });
    if (this.#advertisedTxUs() !== txUs) this.#intervalsChanged();
  }

  // Intervals.

  #advertisedTxUs(): number {
    const wantedUs = this.#timers.desiredMinTxMs * US_PER_MS;
    return this.#state === "up" ? wantedUs : Math.max(wantedUs, SLOW_TX_US);
  }

  #advertisedRxUs(): number {
    return this.#timers.requiredMinRxMs * US_PER_MS;
  }

  /** A poll begins. While Up, slower sending and stricter detection wait for its answer (§6.8.3). */
  #intervalsChanged(): void {
    const isUp = this.#state === "up";
    if (!isUp || this.#advertisedTxUs() < this.#txUs) this.#txUs = this.#advertisedTxUs();
    if (!isUp || this.#advertisedRxUs() > this.#rxUs) this.#rxUs = this.#advertisedRxUs();
    if (this.#isPolling) this.#mustPollAgain = true;
    this.#isPolling = true;
  }

  #pollAnswered(): void {
    if (!this.#isPolling) return;
    if (this.#mustPollAgain) {
      this.#mustPollAgain = false;
      return;
    }
    this.#isPolling = false;
    this.#txUs = this.#advertisedTxUs();
    this.#rxUs = this.#advertisedRxUs();
  }

  #detectAtMs(): number {
    const detectionMs = this.detectionMs();
    if (detectionMs === undefined) return Infinity;
    return this.#remote.heardAtMs + detectionMs + this.#creditMs;
  }

  #sendAtMs(): number {
    if (!this.#isSpeaking()) return Infinity;
    const intervalUs = Math.max(this.#txUs, this.#remote.minRxUs);
    return this.#sentAtMs + (intervalUs * this.#jitter) / JITTER.whole / US_PER_MS;
  }

  /** Whether periodic packets are sent (§6.8.7). */
  #isSpeaking(): boolean {
    if (this.#remote.minRxUs === 0) return false;
    if (this.#state === "admin-down" && this.#sentAtMs >= this.#farewellUntilMs) return false;
    const isUnwanted = this.#remote.isDemand && this.#state === "up" && this.#remote.state === "up";
    return !isUnwanted || this.#isPolling;
  }

  // Packets.

  /** Between two periodic packets one is sent when it would say something else than the last (§6.8.7). */
  #sayIfNew(nowMs: number): void {
    if (this.#content() !== this.#said) this.#send(false, nowMs);
  }

  #send(isFinal: boolean, nowMs: number): void {
    const max = this.#timers.detectMultiplier === 1 ? JITTER.maxOfOne : JITTER.whole;
    this.#jitter = this.#draw(JITTER.min, max);
    this.#sentAtMs = nowMs;
    this.#said = this.#content();
    const bytes = encodeBfd({
      state: this.#state,
      diagnostic: this.#diagnostic,
      isPoll: this.#isPolling && !isFinal,
      isFinal,
      // We die with the BGP speaker whose neighbor we watch, and with its process.
      isControlPlaneIndependent: false,
      isDemand: false,
      detectMultiplier: this.#timers.detectMultiplier,
      myDiscriminator: this.localDiscriminator,
      yourDiscriminator: this.#remote.discriminator,
      desiredMinTxUs: this.#advertisedTxUs(),
      requiredMinRxUs: this.#advertisedRxUs(),
      requiredMinEchoRxUs: 0,
    });
    this.#actions.push({ do: "send", bytes });
  }

  #content(): string {
    const { detectMultiplier, requiredMinRxMs } = this.#timers;
    const { discriminator } = this.#remote;
    return [
      this.#state,
      this.#diagnostic,
      detectMultiplier,
      discriminator,
      this.#advertisedTxUs(),
      requiredMinRxMs,
    ].join();
  }
}

function checkTimers({ desiredMinTxMs, requiredMinRxMs, detectMultiplier }: BfdTimers): void {
  const isMs = (ms: number): boolean => Number.isInteger(ms) && ms >= 1 && ms <= 0xffff_ffff / US_PER_MS;
  invariant(isMs(desiredMinTxMs) && isMs(requiredMinRxMs), "BFD intervals are whole milliseconds from 1 on");
  invariant(
    Number.isInteger(detectMultiplier) && detectMultiplier >= 1 && detectMultiplier <= 255,
    "a BFD detect multiplier is 1 to 255",
  );
}
