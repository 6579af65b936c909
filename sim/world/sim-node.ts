/**
 * One edge node of a run: a process that boots, serves, speaks to its router, and can be killed, frozen, cut off and
 * told to leave, with what each of those does to its connections.
 *
 *   killed      its connections are reset, its session ends, new connections are refused
 *   frozen      nothing of it runs; connections are accepted and stay silent; thawed, it goes on where it stood
 *   cut "all"   it runs, and nothing passes its cable either way; put back, what was held flows on
 *   cut "bgp"   the same for its session only
 *   terminated  GRACEFUL_SHUTDOWN, serves until nobody asks, withdraws, exits
 *
 * Left out: its own readiness check while it runs (it is ready from boot to drain).
 */
import type { Prng } from "#core/prng.ts";
import type { NodeServing } from "#core/wire/events.ts";
import { ACTOR, actorOfNode } from "./actors.ts";
import type { EventLoop } from "./event-loop.ts";
import type { ScenarioJournal } from "./scenario-journal.ts";
import type { BfdTimes, SimNetwork } from "./sim-network.ts";
import { TIMES } from "./scenario.ts";

const KEEPALIVES_PER_HOLD = 3;
/** A BFD packet leaves after this share of the interval at the least (RFC 5880 §6.8.7). */
const BFD_JITTER_MIN = 0.75;

/** One attempt at a node, as its asker hears of it; a late word after it has lost interest does no harm. */
export interface Ask {
  /** The node has begun to act on it. */
  executed(): void;
  answered(): void;
  failed(cause: "refused" | "reset"): void;
}

export type ProbeAnswer = "passed" | "draining" | "failed" | "refused";

/** Nothing, or what waits for a process to thaw or for a cable to be put back. */
class Held {
  isOn = false;
  #waiting: (() => void)[] = [];

  pass(go: () => void): void {
    if (this.isOn) this.#waiting.push(go);
    else go();
  }

  release(): void {
    this.isOn = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  forget(): void {
    this.isOn = false;
    this.#waiting = [];
  }
}

export interface NodeOptions {
  readonly index: number;
  readonly id: string;
  readonly holdUs: number;
  /** Undefined: no BFD. */
  readonly bfd: BfdTimes | undefined;
  readonly prng: Prng;
}

export class SimNode {
  readonly id: string;
  readonly actor: number;
  /** A number in place of a process id: the same in every run. */
  readonly pid: number;
  readonly #options: NodeOptions;
  readonly #bfdPrng: Prng;
  readonly #loop: EventLoop;
  readonly #journal: ScenarioJournal;
  readonly #network: SimNetwork;
  /** Counts lives of the process and, with `#session`, whatever must not outlast one. */
  #life = 0;
  #process: "down" | "booting" | "up" = "down";
  #serving: NodeServing = "starting";
  readonly #freeze = new Held();
  readonly #httpCable = new Held();
  readonly #bgpCable = new Held();
  readonly #connections = new Set<Ask>();
  readonly #open = new Set<Ask>();
  #lastActiveUs = 0;
  /** Number of the session that is up; 0: none is. */
  #session = 0;
  #sessionCount = 0;
  #sessionSinceUs = 0;
  #announced: "no" | "normal" | "graceful" = "no";

  constructor(loop: EventLoop, journal: ScenarioJournal, network: SimNetwork, options: NodeOptions) {
    this.id = options.id;
    this.actor = actorOfNode(options.index);
    this.pid = options.index + 1;
    this.#options = options;
    this.#bfdPrng = options.prng.fork("bfd");
    this.#loop = loop;
    this.#journal = journal;
    this.#network = network;
  }

  get isDown(): boolean {
    return this.#process === "down";
  }

  // What is done to it.

  start(): void {
    this.#life += 1;
    this.#process = "booting";
    this.#serving = "starting";
    const { pid } = this;
    this.#journal.emit("lab", { kind: "process.started", process: this.id, pid });
    const [min, max] = TIMES.bootUs;
    const bootUs = this.#options.prng.integer(min, max);
    this.#timer(bootUs, () => {
      this.#process = "up";
      const sinceStartMs = bootUs / 1000;
      this.#journal.emit(this.id, { kind: "process.ready", process: this.id, pid, sinceStartMs });
      this.#connect();
      this.#timer(TIMES.selfCheckUs, () => {
        this.#serve("ready", "own readiness answers");
        this.#announce("normal");
      });
    });
  }

  kill(): void {
    if (this.#process === "down") return;
    this.#exit();
  }

  freeze(): void {
    this.#freeze.isOn = true;
  }

  thaw(): void {
    this.#freeze.release();
  }

  cut(what: "all" | "bgp"): void {
    this.#bgpCable.isOn = true;
    if (what === "all") this.#httpCable.isOn = true;
    if (this.#session !== 0) this.#awaitOwnDetection(this.#session);
  }

  restore(): void {
    this.#httpCable.release();
    this.#bgpCable.release();
  }

  /** SIGTERM. */
  terminate(): void {
    if (this.#process !== "up" || this.#serving === "draining") return;
    const startedUs = this.#loop.nowUs;
    this.#serve("draining", "SIGTERM");
    if (this.#announced !== "no") this.#announce("graceful");
    this.#lastActiveUs = Math.max(this.#lastActiveUs, startedUs);
    this.#pollDrain(startedUs);
  }

  // What is asked of it, over the network: these are called by others, and arrive one hop later.

  ask(ask: Ask): void {
    this.#loop.after(this.actor, TIMES.hopUs, () => {
      if (this.#process !== "up") return this.#reply(() => ask.failed("refused"));
      this.#connections.add(ask);
      this.#httpCable.pass(() => this.#freeze.pass(() => this.#execute(ask)));
    });
  }

  probe(answer: (answer: ProbeAnswer) => void): void {
    this.#loop.after(this.actor, TIMES.hopUs, () => {
      if (this.#process !== "up") return this.#reply(() => answer("refused"));
      this.#httpCable.pass(() =>
        this.#freeze.pass(() => {
          const says = this.#readiness();
          this.#reply(() => answer(says));
        }),
      );
    });
  }

  #readiness(): ProbeAnswer {
    if (this.#serving === "ready") return "passed";
    return this.#serving === "draining" ? "draining" : "failed";
  }

  #execute(ask: Ask): void {
    if (!this.#connections.has(ask)) return;
    ask.executed();
    this.#open.add(ask);
    this.#lastActiveUs = this.#loop.nowUs;
    this.#timer(TIMES.thinkUs, () =>
      this.#httpCable.pass(() => {
        if (!this.#connections.delete(ask)) return;
        this.#open.delete(ask);
        this.#lastActiveUs = this.#loop.nowUs;
        this.#reply(() => ask.answered());
      }),
    );
  }

  #reply(arrive: () => void): void {
    this.#loop.after(ACTOR.gateway, TIMES.hopUs, arrive);
  }

  // Leaving.

  #pollDrain(startedUs: number): void {
    this.#timer(TIMES.drainPollUs, () => {
      const nowUs = this.#loop.nowUs;
      const isQuiet = this.#open.size === 0 && nowUs - this.#lastActiveUs >= TIMES.drainQuietUs;
      if (!isQuiet && nowUs - startedUs < TIMES.drainMaxUs) return this.#pollDrain(startedUs);
      this.#withdraw("SIGTERM");
      const waitedMs = (nowUs - startedUs) / 1000;
      const requestsOpen = this.#open.size;
      this.#journal.emit(this.id, { kind: "drain.finished", node: this.id, waitedMs, requestsOpen });
      this.#endSession("SIGTERM", "peer sent NOTIFICATION 6/2");
      this.#timer(TIMES.farewellUs, () => this.#exit());
    });
  }

  /** The process is gone; the kernel closes what it had open. */
  #exit(): void {
    this.#life += 1;
    this.#process = "down";
    this.#freeze.forget();
    this.#httpCable.forget();
    this.#bgpCable.forget();
    for (const ask of this.#connections) this.#reply(() => ask.failed("reset"));
    this.#connections.clear();
    this.#open.clear();
    this.#announced = "no";
    if (this.#session === 0) return;
    this.#session = 0;
    this.#toRouter(() => this.#network.closed(this.id, "closed by the node"));
  }

  // Its session.

  #connect(): void {
    this.#bgpCable.pass(() => {
      if (this.#session !== 0 || this.#process !== "up" || this.#serving === "draining") return;
      const session = ++this.#sessionCount;
      this.#session = session;
      this.#sessionSinceUs = this.#loop.nowUs;
      const life = this.#life;
      // OPEN and KEEPALIVE each way; the router is the second to see the session stand.
      this.#toRouter(() =>
        this.#network.established(this.id, (reason) => {
          this.#loop.after(this.actor, TIMES.hopUs, () => {
            if (this.#life === life) this.#routerClosed(session, reason);
          });
        }),
      );
      this.#journal.emit(this.id, {
        kind: "bgp.session",
        node: this.id,
        state: "up",
        reason: "established",
      });
      if (this.#announced !== "no") this.#tellRoute(this.#announced);
      this.#keepalive(session);
      if (this.#options.bfd !== undefined) this.#speakBfd(session, this.#options.bfd);
    });
  }

  /** Unlike TCP, nothing is made good when the cable is put back. */
  #speakBfd(session: number, bfd: BfdTimes): void {
    const delayUs = this.#bfdPrng.integer(Math.ceil(bfd.intervalUs * BFD_JITTER_MIN), bfd.intervalUs);
    this.#timer(delayUs, () => {
      if (this.#session !== session) return;
      if (!this.#bgpCable.isOn) this.#toRouter(() => this.#network.bfdHeard(this.id));
      this.#speakBfd(session, bfd);
    });
  }

  #keepalive(session: number): void {
    this.#timer(this.#beatUs(), () => {
      if (this.#session !== session) return;
      this.#bgpCable.pass(() => this.#toRouter(() => this.#network.heard(this.id)));
      this.#keepalive(session);
    });
  }

  #beatUs(): number {
    return Math.floor(this.#options.holdUs / KEEPALIVES_PER_HOLD);
  }

  /** Behind a cut cable the node hears nothing either: BFD or, without it, the hold timer ends its side too. */
  #awaitOwnDetection(session: number): void {
    const { bfd } = this.#options;
    if (bfd === undefined) return this.#awaitOwnHoldTimer(session);
    // The router's last packet came up to an interval before the cut.
    const ageUs = this.#bfdPrng.integer(0, bfd.intervalUs);
    this.#timer(bfd.nodeDetectUs - ageUs, () => {
      if (this.#session !== session || !this.#bgpCable.isOn) return;
      this.#sessionDown(`BFD down: nothing heard for ${Math.round(bfd.nodeDetectUs / 1000)} ms`);
    });
  }

  /** The router's keepalives come in the rhythm of the session's beginning; the last one came before the cut. */
  #awaitOwnHoldTimer(session: number): void {
    const beatUs = this.#beatUs();
    const sinceUs = this.#loop.nowUs - this.#sessionSinceUs;
    const heardUs = Math.floor(sinceUs / beatUs) * beatUs;
    this.#timer(heardUs + this.#options.holdUs - sinceUs, () => {
      if (this.#session !== session || !this.#bgpCable.isOn) return;
      this.#sessionDown("hold timer expired");
    });
  }

  /** The router's goodbye has come as far as the cable and the process let it. */
  #routerClosed(session: number, reason: string): void {
    this.#bgpCable.pass(() =>
      this.#freeze.pass(() => {
        if (this.#session === session) this.#sessionDown(reason);
      }),
    );
  }

  #sessionDown(reason: string): void {
    this.#session = 0;
    this.#journal.emit(this.id, { kind: "bgp.session", node: this.id, state: "down", reason });
    this.#timer(TIMES.connectRetryUs, () => this.#connect());
  }

  #endSession(reason: string, asRouterHears: string): void {
    if (this.#session === 0) return;
    this.#session = 0;
    this.#journal.emit(this.id, { kind: "bgp.session", node: this.id, state: "down", reason });
    this.#bgpCable.pass(() => this.#toRouter(() => this.#network.closed(this.id, asRouterHears)));
  }

  #announce(how: "normal" | "graceful"): void {
    this.#announced = how;
    if (this.#session !== 0) this.#tellRoute(how);
  }

  #tellRoute(how: "normal" | "graceful"): void {
    const isGracefulShutdown = how === "graceful";
    this.#journal.emit(this.id, { kind: "bgp.announced", node: this.id, isGracefulShutdown });
    this.#bgpCable.pass(() => this.#toRouter(() => this.#network.announced(this.id, isGracefulShutdown)));
  }

  #withdraw(reason: string): void {
    if (this.#announced === "no") return;
    this.#announced = "no";
    this.#journal.emit(this.id, { kind: "bgp.withdrawn", node: this.id, reason });
    this.#bgpCable.pass(() => this.#toRouter(() => this.#network.withdrawn(this.id)));
  }

  #toRouter(arrive: () => void): void {
    this.#loop.after(ACTOR.network, TIMES.hopUs, arrive);
  }

  // The process.

  #serve(state: NodeServing, reason: string): void {
    this.#serving = state;
    this.#journal.emit(this.id, { kind: "node.serving", node: this.id, state, reason });
  }

  /** Does not outlive the process, and does not run while it is frozen. */
  #timer(delayUs: number, fn: () => void): void {
    const life = this.#life;
    this.#loop.after(this.actor, delayUs, () =>
      this.#freeze.pass(() => {
        if (this.#life === life) fn();
      }),
    );
  }
}
