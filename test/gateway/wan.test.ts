/**
 * The emulated network: how long each request is held, read off the timers that were asked for. Every such timer
 * fires at once, so that nothing here waits and no measured time is judged.
 */
import { Agent } from "node:http";
import { expect, test } from "vitest";
import { HOST_CLOCK, type GatewayClock } from "#gateway/gateway-clock.ts";
import { ask, hang, reset, until, withStand } from "./stand.ts";

const NY_RTT_MS = 100;
const LA_RTT_MS = 400;
/** Every journey of these tests, less the millisecond that may be cut. Deadlines sweep every 5 ms, checks run at 800 to 1000. */
const JOURNEYS_MS = [NY_RTT_MS, 3 * NY_RTT_MS, LA_RTT_MS, 3 * LA_RTT_MS];

function journeyOf(timerMs: number): number | undefined {
  return JOURNEYS_MS.find((ms) => timerMs === ms || timerMs === ms - 1);
}

class JourneyClock implements GatewayClock {
  readonly journeys: number[] = [];
  /** Journeys of this length are held until `arrive`. */
  heldMs = 0;
  readonly #held: (() => void)[] = [];

  nowMs(): number {
    return HOST_CLOCK.nowMs();
  }

  after(ms: number, fn: () => void): { cancel(): void } {
    const journey = journeyOf(ms);
    if (journey === undefined) return HOST_CLOCK.after(ms, fn);
    this.journeys.push(journey);
    if (journey === this.heldMs) {
      this.#held.push(fn);
      return { cancel: () => void this.#held.splice(this.#held.indexOf(fn), 1) };
    }
    return HOST_CLOCK.after(0, fn);
  }

  soon<T>(fn: (argument: T) => void, argument: T): void {
    HOST_CLOCK.soon(fn, argument);
  }

  arrive(): void {
    for (const fn of this.#held.splice(0)) fn();
  }
}

const DOCUMENT = {
  routing: { mode: "anycast", vantages: ["new-york"] },
  catchment: {
    fixed: {
      "new-york": [
        { site: "ny1", rttMs: NY_RTT_MS },
        { site: "la1", rttMs: LA_RTT_MS },
      ],
    },
  },
  wan: { emulate: true },
  health: { profile: "seed-000", path: "/health/ready" },
};

/** The journeys since the last call, in milliseconds. */
function journeys(clock: JourneyClock): number[] {
  return clock.journeys.splice(0);
}

test("cold is three round trips, warm is one, a new connection is cold again", async () => {
  const clock = new JourneyClock();
  await withStand({ sites: { ny1: 2, la1: 1 }, document: DOCUMENT, clock }, async ({ port }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(port, { agent });
    expect(journeys(clock)).toEqual([3 * NY_RTT_MS]);
    await ask(port, { agent });
    await ask(port, { agent });
    expect(journeys(clock)).toEqual([NY_RTT_MS, NY_RTT_MS]);
    await ask(port);
    expect(journeys(clock)).toEqual([3 * NY_RTT_MS]);
    agent.destroy();
  });
});

test("another node of a site already reached costs nothing more", async () => {
  const clock = new JourneyClock();
  await withStand({ sites: { ny1: 2, la1: 1 }, document: DOCUMENT, clock }, async ({ node, port }) => {
    node("ny1-1").handler = reset;
    const answer = await ask(port);
    expect(answer.headers["x-edge-node"]).toBe("ny1-2");
    expect(journeys(clock)).toEqual([3 * NY_RTT_MS]);
  });
});

test("a rescue pays the new site's way, cold then warm", async () => {
  const clock = new JourneyClock();
  await withStand({ sites: { ny1: 1, la1: 1 }, document: DOCUMENT, clock }, async ({ node, port }) => {
    node("ny1-1").handler = reset;
    // Its checks fail too, so that it stays out.
    node("ny1-1").healthStatus = 500;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(port, { agent })).headers["x-edge-route"]).toBe("la1");
    expect(journeys(clock)).toEqual([3 * NY_RTT_MS, 3 * LA_RTT_MS]);
    // ny1 is ejected: nobody travels there any more.
    expect((await ask(port, { agent })).headers["x-edge-route"]).toBe("la1");
    expect(journeys(clock)).toEqual([LA_RTT_MS]);
    agent.destroy();
  });
});

test("a hedge that still travels is not followed by another", async () => {
  const clock = new JourneyClock();
  clock.heldMs = 3 * LA_RTT_MS;
  await withStand(
    { sites: { ny1: 1, la1: 3 }, document: DOCUMENT, clock },
    async ({ node, port, status }) => {
      node("ny1-1").handler = hang;
      const answer = ask(port);
      await until(() => status().requests.hedges === 1);
      // Long enough for two further hedges, by the clock that the gateway goes by.
      const dueMs = clock.nowMs() + 400;
      await until(() => clock.nowMs() > dueMs);
      expect(status().requests.hedges).toBe(1);
      clock.arrive();
      expect((await answer).headers["x-edge-route"]).toBe("la1");
      expect(status().requests).toMatchObject({ hedges: 1, hedgesWon: 1, failed: 0 });
      expect(journeys(clock)).toEqual([3 * NY_RTT_MS, 3 * LA_RTT_MS]);
    },
  );
});
