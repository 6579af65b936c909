/**
 * The simulated Internet as sites' routers and gateways meet it: `Catchments`, driven by a clock it is given (the
 * host's in the demo, a virtual one in whole-system runs). One timer stands at the engine's next event; whoever wakes
 * late carries out everything that was due, at the times it was due.
 *
 *     routers --set(site, announcement)--> Catchments --moves--> board --lines--> feed
 *                                             ^   |
 *                                             '---' one timer
 */
import type { Prng } from "#core/prng.ts";
import type { CatchmentFeedLine } from "#core/wire/catchment.ts";
import type { World } from "#sim/topology/world.ts";
import { CatchmentBoard } from "./catchment-board.ts";
import { Catchments, type VantageMove } from "./catchments.ts";
import type { SiteAnnouncement } from "./site-paths.ts";

const NS_PER_US = 1000;
const US_PER_MS = 1000;

export interface InternetClock {
  /** Whole microseconds; never goes back. */
  nowUs(): number;
  after(ms: number, fn: () => void): { cancel(): void };
}

export interface InternetHandlers {
  readonly publish: (lines: readonly CatchmentFeedLine[]) => void;
  readonly moved: (move: VantageMove, revision: number) => void;
  /** No message is under way any more. `durationMs`: from the first change to the last message. */
  readonly settled: (revision: number, durationMs: number, atUs: number) => void;
}

export class Internet {
  readonly board: CatchmentBoard;
  readonly #catchments: Catchments;
  readonly #clock: InternetClock;
  readonly #handlers: InternetHandlers;
  readonly #announced = new Map<string, SiteAnnouncement>();
  readonly #vantages: readonly string[];
  #timer: { cancel(): void } | undefined;
  /** When what is still travelling began; undefined while all is quiet. */
  #disturbedUs: number | undefined;

  constructor(world: World, prng: Prng, clock: InternetClock, handlers: InternetHandlers) {
    this.#catchments = new Catchments(world, prng);
    this.#clock = clock;
    this.#handlers = handlers;
    this.#vantages = world.vantages.map(({ vantage }) => vantage);
    this.board = new CatchmentBoard(
      this.#vantages,
      world.sites.map(({ site }) => site),
      clock.nowUs() * NS_PER_US,
    );
  }

  /**
   * What a site's router says now. `tell` hears what that is to the rest of the world, before anything that follows from
   * it is told; nothing new is not told.
   */
  set(
    site: string,
    next: SiteAnnouncement | undefined,
    tell: (news: "announced" | "withdrawn") => void = () => undefined,
  ): void {
    const before = this.#announced.get(site);
    const nowUs = this.#clock.nowUs();
    // What is due comes before what is new.
    const due = this.#catchments.advance(nowUs);
    if (due.length > 0) this.#publish(due, nowUs);
    if (next === undefined) this.#announced.delete(site);
    else this.#announced.set(site, next);
    const isNews = before?.isGraceful !== next?.isGraceful;
    if (isNews) {
      this.#disturbedUs ??= nowUs;
      if (next === undefined) this.#catchments.withdraw(site, nowUs);
      else this.#catchments.announce(site, next.isGraceful, nowUs);
      tell(next === undefined ? "withdrawn" : "announced");
    }
    this.#publish(this.#catchments.advance(nowUs), nowUs);
    this.#arm(nowUs);
  }

  reached(vantage: string): string | null {
    return this.#catchments.reached(vantage);
  }

  announcement(site: string): SiteAnnouncement | undefined {
    return this.#announced.get(site);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #wake(): void {
    const nowUs = this.#clock.nowUs();
    const moves = this.#catchments.advance(nowUs);
    if (moves.length > 0) this.#publish(moves, moves.at(-1)!.atUs);
    this.#arm(nowUs);
  }

  #publish(moves: readonly VantageMove[], asOfUs: number): void {
    const announced = new Map<string, readonly string[]>();
    for (const [site, { nodes }] of this.#announced) announced.set(site, nodes);
    const unreachable = new Set(this.#vantages.filter((vantage) => this.reached(vantage) === null));
    const lines = this.board.update(this.#catchments.routes(), announced, unreachable, asOfUs * NS_PER_US);
    if (lines.length > 0) this.#handlers.publish(lines);
    for (const move of moves) this.#handlers.moved(move, this.board.revision);
  }

  #arm(nowUs: number): void {
    this.#timer?.cancel();
    const dueUs = this.#catchments.nextDueUs();
    if (dueUs === Infinity) return this.#settle(nowUs);
    // Whole milliseconds, rounded up: a timer that fires early would only be set again.
    const ms = Math.max(1, Math.ceil((dueUs - nowUs) / US_PER_MS));
    this.#timer = this.#clock.after(ms, () => this.#wake());
  }

  #settle(nowUs: number): void {
    if (this.#disturbedUs === undefined) return;
    // The last timer to run out may be an MRAI with nothing to send: what counts is the last message.
    const lastUs = Math.max(this.#disturbedUs, Math.min(nowUs, this.#catchments.lastMessageUs));
    this.#handlers.settled(this.board.revision, (lastUs - this.#disturbedUs) / US_PER_MS, lastUs);
    this.#disturbedUs = undefined;
  }
}
