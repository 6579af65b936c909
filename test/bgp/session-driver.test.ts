import { expect, test } from "vitest";
import { encodeMessage } from "#bgp/encode.ts";
import type { Message } from "#bgp/messages.ts";
import { SessionDriver, type Transport } from "#bgp/session-driver.ts";
import { BgpSession } from "#bgp/session.ts";

const OPEN: Message = { type: "open", as: 65_001, holdTimeS: 9, bgpId: 9, capabilities: [] };
const KEEPALIVE: Message = { type: "keepalive" };

/** A router's session on a virtual clock, its peer's hand on the transport. */
class Bench {
  nowMs = 0;
  readonly log: string[] = [];
  readonly session: BgpSession;
  readonly driver: SessionDriver;
  readonly transport: Transport;
  #timers: { readonly dueMs: number; readonly fn: () => void }[] = [];
  #unread: (() => void)[] = [];

  constructor() {
    this.transport = { write: () => undefined, close: () => void this.log.push("close") };
    const config = {
      localAs: 64_500,
      bgpId: 1,
      holdTimeS: 9,
      connectRetryMs: 0,
      refusePeer: () => undefined,
    };
    this.session = new BgpSession(config, "passive");
    const scheduler = {
      nowMs: () => this.nowMs,
      after: (ms: number, fn: () => void) => {
        const timer = { dueMs: this.nowMs + ms, fn };
        this.#timers.push(timer);
        return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
      },
      afterReads: (fn: () => void) => {
        for (const read of this.#unread.splice(0)) read();
        fn();
      },
    };
    this.driver = new SessionDriver(this.session, scheduler, {
      up: () => this.log.push("up"),
      down: (reason) => this.log.push(`down: ${reason}`),
      failed: (reason) => this.log.push(`failed: ${reason}`),
      update: () => this.log.push("update"),
    });
    this.driver.opened(this.transport);
    for (const message of [OPEN, KEEPALIVE]) this.driver.received(encodeMessage(message), this.transport);
  }

  /** What lies in the socket's buffer while this process stands still. */
  unread(message: Message): void {
    this.#unread.push(() => this.driver.received(encodeMessage(message), this.transport));
  }

  /** Runs due timers in order; with `isStalled` all of them only at the end, as after a freeze. */
  advance(toMs: number, isStalled = false): void {
    if (isStalled) this.nowMs = toMs;
    for (let fired = 0; fired < 100; fired++) {
      const next = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > toMs) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.fn();
    }
    this.nowMs = toMs;
  }
}

test("a silent peer is given up when its hold time is over", () => {
  const bench = new Bench();
  bench.advance(8999);
  expect(bench.log).toEqual(["up"]);
  bench.advance(9000);
  expect(bench.log).toEqual(["up", "close", "down: hold timer expired"]);
});

test("after a freeze of our own the socket is read before anybody is declared dead", () => {
  const bench = new Bench();
  bench.unread(KEEPALIVE);
  bench.advance(30_000, true);
  expect(bench.log).toEqual(["up"]);
  bench.advance(38_999);
  expect(bench.log).toEqual(["up"]);
});

test("a freeze is credited, but not more than a peer would wait for us", () => {
  const short = new Bench();
  short.advance(2990); // Up to its own first KEEPALIVE all is well.
  short.advance(10_000, true); // Late by 7 s: credited 3 s, so the hold time ends at 12 s.
  expect(short.log).toEqual(["up"]);
  short.advance(12_000);
  expect(short.log.at(-1)).toBe("down: hold timer expired");
  const long = new Bench();
  long.advance(60_000, true);
  expect(long.log.at(-1)).toBe("down: hold timer expired");
});

test("what an earlier transport still says is not heard", () => {
  const bench = new Bench();
  const old: Transport = { write: () => undefined, close: () => undefined };
  bench.driver.received(new Uint8Array(19), old);
  bench.driver.closed("late", old);
  expect(bench.log).toEqual(["up"]);
});
