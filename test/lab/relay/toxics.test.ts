/** Each toxic as it works on one direction of a connection, on virtual time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { HELD_BYTES_MAX, HELD_CHUNKS_MAX, Link, type LinkToxic } from "#lab/relay/link.ts";
import { isInForce } from "#lab/relay/toxic-entry.ts";
import { TOXICS } from "#lab/relay/toxics/registry.ts";
import type { Closing, ToxicAttributes } from "#lab/relay/toxics/toxic.ts";

/** What reached the sink: `12 abc` (at 12 ms, these bytes), `30 <end>`. */
class Bench {
  readonly seen: string[] = [];
  readonly pieces: string[] = [];
  readonly link: Link;
  readonly #prng: Prng;
  nowMs = 0;
  isBlocked = false;

  constructor(seed = 1) {
    this.#prng = new Prng(seed);
    this.link = new Link({
      write: (bytes) => {
        this.pieces.push(Buffer.from(bytes).toString("latin1"));
        this.seen.push(`${this.nowMs} ${this.pieces.at(-1)}`);
        return !this.isBlocked;
      },
      close: (how: Closing) => this.seen.push(`${this.nowMs} <${how}>`),
    });
  }

  toxic(type: string, attributes: ToxicAttributes = {}, isOn = true): LinkToxic {
    const toxic = TOXICS.get(type)!;
    const prng = this.#prng.fork(type);
    const noop = TOXICS.get("noop")!;
    return {
      isInForce: isOn,
      isCutAtRemoval: toxic.removal === "cut",
      start: (nowMs, previous) => (isOn ? toxic : noop).start(attributes, prng, nowMs, previous),
    };
  }

  add(type: string, attributes?: ToxicAttributes, isOn?: boolean): this {
    this.link.add(type, this.toxic(type, attributes, isOn), this.nowMs);
    return this;
  }

  update(type: string, attributes?: ToxicAttributes, isOn?: boolean): this {
    this.link.update(type, this.toxic(type, attributes, isOn), this.nowMs);
    return this;
  }

  remove(type: string): this {
    this.link.remove(type, this.nowMs);
    return this;
  }

  send(text: string): this {
    this.link.push(Buffer.from(text, "latin1"), this.nowMs);
    return this;
  }

  end(how: "end" | "reset" = "end"): this {
    this.link.end(how, this.nowMs);
    return this;
  }

  /** Lets time pass, stopping at each moment at which something is due. */
  until(ms: number): this {
    for (;;) {
      const dueMs = Math.max(this.nowMs, this.link.dueMs);
      if (dueMs > ms) break;
      this.nowMs = dueMs;
      this.link.advance(this.nowMs);
    }
    this.nowMs = ms;
    this.link.advance(ms);
    return this;
  }

  /** All bytes that came, in order. */
  get text(): string {
    return this.pieces.join("");
  }
}

const STREAM = "0123456789abcdefghijklmnopqrstuvwxyz";

describe("latency", () => {
  test("delays each chunk from its arrival, and the end goes after the last", () => {
    const bench = new Bench().add("latency", { latency: 100 });
    bench.send("a").until(30).send("b").end().until(1_000);
    expect(bench.seen).toEqual(["100 a", "130 b", "130 <end>"]);
  });

  test("jitter stays in [-jitter, +jitter), reaches both ends and keeps the order", () => {
    const delays = new Set<number>();
    for (let seed = 1; seed <= 300; seed++) {
      const bench = new Bench(seed).add("latency", { latency: 10, jitter: 3 }).send("a").until(100);
      delays.add(Number(bench.seen[0]!.split(" ")[0]));
    }
    expect([...delays].sort((a, b) => a - b)).toEqual([7, 8, 9, 10, 11, 12]);
    const bench = new Bench(7).add("latency", { latency: 50, jitter: 50 });
    for (const letter of STREAM) bench.send(letter).until(bench.nowMs + 1);
    expect(bench.until(1_000).text).toBe(STREAM);
  });

  test("two of them add up", () => {
    const bench = new Bench().add("latency", { latency: 100 });
    bench.link.add("second", bench.toxic("latency", { latency: 20 }), 0);
    expect(bench.send("a").until(500).seen).toEqual(["120 a"]);
  });

  test("removed: what was held passes at once; changed: so does the chunk at work, and the next waits anew", () => {
    const bench = new Bench().add("latency", { latency: 100 }).send("a").until(10).send("b").until(20);
    expect(bench.remove("latency").until(500).seen).toEqual(["20 a", "20 b"]);
    const changed = new Bench().add("latency", { latency: 100 }).send("a").until(10).send("b").until(20);
    changed.update("latency", { latency: 40 }).until(500);
    expect(changed.seen).toEqual(["20 a", "50 b"]);
  });
});

describe("bandwidth", () => {
  test("cuts what takes longer than 100 ms into pieces of 100 ms", () => {
    const bench = new Bench().add("bandwidth", { rate: 1 }).send("x".repeat(250)).until(1_000);
    expect(bench.seen.map((line) => [line.split(" ")[0], line.split(" ")[1]!.length])).toEqual([
      ["100", 100],
      ["200", 100],
      ["250", 50],
    ]);
  });

  test("its rate holds over many chunks, and an idle line has no credit", () => {
    const bench = new Bench().add("bandwidth", { rate: 10 });
    for (let index = 0; index < 50; index++) bench.send("x".repeat(100));
    bench.until(10_000);
    expect(bench.seen.at(-1)!.split(" ")[0]).toBe("500");
    bench.send("y".repeat(1_000)).until(20_000);
    expect(bench.seen.at(-1)!.split(" ")[0]).toBe("10100");
  });

  test("a rate of 0, or below, lets nothing through until it is removed", () => {
    for (const rate of [0, -5]) {
      const bench = new Bench().add("bandwidth", { rate }).send("abc").end().until(100_000);
      expect(bench.seen).toEqual([]);
      expect(bench.remove("bandwidth").seen).toEqual(["100000 abc", "100000 <end>"]);
    }
  });
});

describe("slow_close", () => {
  test("delays only the close", () => {
    const bench = new Bench().add("slow_close", { delay: 80 }).send("a").end().until(500);
    expect(bench.seen).toEqual(["0 a", "80 <end>"]);
  });

  test("removed while the close waits: it passes", () => {
    const bench = new Bench().add("slow_close", { delay: 80 }).end().until(30).remove("slow_close");
    expect(bench.seen).toEqual(["30 <end>"]);
  });
});

describe("timeout", () => {
  test("drops data, and closes so long after the last of it", () => {
    const bench = new Bench().add("timeout", { timeout: 100 }).send("a").until(60).send("b").until(1_000);
    expect(bench.seen).toEqual(["160 <cut>"]);
    expect(new Bench().add("timeout", { timeout: 100 }).until(1_000).seen).toEqual(["100 <cut>"]);
  });

  test("0 never closes; its removal does, and so does a change that lets the connection go", () => {
    const bench = new Bench().add("timeout", { timeout: 0 }).send("a").until(100_000);
    expect(bench.seen).toEqual([]);
    expect(bench.remove("timeout").seen).toEqual(["100000 <cut>"]);
    const spared = new Bench().add("timeout", {}).send("a").update("timeout", {}, false);
    expect(spared.seen).toEqual(["0 <cut>"]);
    const other = new Bench().add("timeout", {}, false).send("a").remove("timeout").send("b");
    expect(other.seen).toEqual(["0 a", "0 b"]);
  });

  test("the source's end closes at once", () => {
    expect(new Bench().add("timeout", { timeout: 100 }).until(10).end().seen).toEqual(["10 <end>"]);
  });
});

describe("reset_peer", () => {
  test("resets after the first data and its time; nothing passes", () => {
    const bench = new Bench().add("reset_peer", { timeout: 50 }).until(1_000).send("a").until(2_000);
    expect(bench.seen).toEqual(["1050 <reset>"]);
    expect(new Bench().add("reset_peer").send("a").seen).toEqual(["0 <reset>"]);
    expect(new Bench().add("reset_peer", { timeout: 50 }).end().until(90).seen).toEqual(["50 <reset>"]);
  });

  test("removed before its time, what it held passes", () => {
    const bench = new Bench().add("reset_peer", { timeout: 50 }).send("a").end().until(20);
    expect(bench.remove("reset_peer").until(500).seen).toEqual(["20 a", "20 <end>"]);
  });

  test("does not wait for a sink that takes nothing", () => {
    const bench = new Bench();
    bench.isBlocked = true;
    bench.send("a").send("b").add("reset_peer", { timeout: 50 }).send("c").until(100);
    expect(bench.seen).toEqual(["0 a", "50 <reset>"]);
  });
});

describe("slicer", () => {
  test("pieces are of the average size, give or take the variation, delayed by microseconds", () => {
    const bench = new Bench().add("slicer", { average_size: 100, size_variation: 10, delay: 2_500 });
    bench.send("x".repeat(1_600)).send("y").until(10_000);
    const sizes = bench.seen.map((line) => line.split(" ")[1]!.length);
    expect(sizes.slice(0, -1).every((size) => size >= 40 && size <= 110)).toBe(true);
    expect(bench.text).toBe(`${"x".repeat(1_600)}y`);
    expect(bench.seen.map((line) => Number(line.split(" ")[0]))).toEqual(
      sizes.map((_, index) => index * 2.5),
    );
  });

  test("whatever its attributes, no byte is lost and no piece is empty", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.string({ minLength: 1, maxLength: 300 }),
        (average, variation, text) => {
          const sent = Buffer.from(text).toString("latin1");
          const bench = new Bench().add("slicer", { average_size: average, size_variation: variation });
          bench.send(sent).until(1_000);
          expect(bench.text).toBe(sent);
          expect(bench.pieces).not.toContain("");
        },
      ),
      { seed: 5 },
    );
  });

  test("removed between two pieces, the rest passes in one go", () => {
    const bench = new Bench().add("slicer", { average_size: 10, delay: 10_000 }).send(STREAM).until(15);
    const before = bench.seen.length;
    expect(bench.remove("slicer").text).toBe(STREAM);
    expect(before).toBe(2);
    expect(bench.seen.slice(before).every((line) => line.startsWith("15 "))).toBe(true);
  });
});

describe("limit_data", () => {
  test("passes so many bytes, then closes the connection", () => {
    const bench = new Bench().add("limit_data", { bytes: 5 }).send("abc").until(10).send("defg").send("h");
    expect(bench.seen).toEqual(["0 abc", "10 de", "10 <cut>"]);
    expect(new Bench().add("limit_data", { bytes: 0 }).send("a").seen).toEqual(["0 <cut>"]);
    expect(new Bench().add("limit_data", { bytes: 2 }).send("ab").seen).toEqual(["0 ab", "0 <cut>"]);
  });

  test("a changed limit counts what has passed before", () => {
    const bench = new Bench().add("limit_data", { bytes: 5 }).send("abcd");
    bench.update("limit_data", { bytes: 7 }).send("efghij");
    expect(bench.seen).toEqual(["0 abcd", "0 efg", "0 <cut>"]);
  });
});

describe("blackhole", () => {
  test("nothing arrives, not even the end, until it is removed; then everything does", () => {
    const bench = new Bench().add("blackhole").send("a").until(5).send("b").end("reset").until(100_000);
    expect(bench.seen).toEqual([]);
    expect(bench.remove("blackhole").seen).toEqual(["100000 a", "100000 b", "100000 <reset>"]);
  });

  test("full, it leaves the source unread", () => {
    const bench = new Bench().add("blackhole").send("x".repeat(HELD_BYTES_MAX - 1));
    expect(bench.link.isFull).toBe(false);
    expect(bench.send("y").link.isFull).toBe(true);
    expect(bench.remove("blackhole").link.isFull).toBe(false);
  });
});

describe("corrupt", () => {
  function corrupted(cuts: readonly number[], seed = 1): string {
    const bench = new Bench(seed).add("corrupt", { interval: 10, skip: 6 });
    let from = 0;
    for (const cut of [...cuts, STREAM.length]) {
      bench.send(STREAM.slice(from, cut));
      from = cut;
    }
    return bench.text;
  }

  test("one byte of each stretch is another one, and those before `skip` are whole", () => {
    const text = corrupted([]);
    expect(text).toHaveLength(STREAM.length);
    expect(text.slice(0, 6)).toBe(STREAM.slice(0, 6));
    for (const start of [6, 16, 26]) {
      const differing = Array.from(text.slice(start, start + 10)).filter(
        (byte, at) => byte !== STREAM[start + at],
      );
      expect(differing).toHaveLength(1);
    }
    expect(corrupted([], 2)).not.toBe(text);
  });

  test("how the stream was cut makes no difference", () => {
    const whole = corrupted([]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: STREAM.length - 1 })), (cuts) => {
        expect(corrupted(cuts.sort((a, b) => a - b))).toBe(whole);
      }),
      { seed: 5 },
    );
  });

  test("an interval of 0 corrupts nothing, and the sender's own buffer is left alone", () => {
    expect(new Bench().add("corrupt").send(STREAM).text).toBe(STREAM);
    const own = Buffer.from(STREAM);
    new Bench().add("corrupt", { interval: 1 }).link.push(own, 0);
    expect(own.toString()).toBe(STREAM);
  });
});

test("connection_loss decides before anything is passed on, and does nothing to open connections", () => {
  const { admit } = TOXICS.get("connection_loss")!;
  expect(admit!({ timeout: 0 }, 1_000)).toEqual({ resetMs: Infinity });
  expect(admit!({ timeout: 250 }, 1_000)).toEqual({ resetMs: 1_250 });
  expect(new Bench().add("connection_loss").send("a").seen).toEqual(["0 a"]);
});

test("toxicity is a share of connections, the same ones for the same seed, and grows without leaving any out", () => {
  const root = new Prng(3);
  const share = (toxicity: number): number[] => {
    const view = {
      name: "latency_downstream",
      type: "latency",
      stream: "downstream",
      toxicity,
      attributes: {},
    } as const;
    return Array.from({ length: 2_000 }, (_, index) => index).filter((index) =>
      isInForce(view, root.fork(`connection/${index}`)),
    );
  };
  const few = share(0.2);
  expect(few.length).toBeGreaterThan(340);
  expect(few.length).toBeLessThan(460);
  expect(share(0.2)).toEqual(few);
  const more = new Set(share(0.5));
  expect(few.every((index) => more.has(index))).toBe(true);
  expect([share(0).length, share(1).length]).toEqual([0, 2_000]);
});

describe("a link", () => {
  test("keeps what its sink does not take, and says when it is full", () => {
    const bench = new Bench();
    bench.isBlocked = true;
    for (let index = 0; index <= HELD_CHUNKS_MAX; index++) bench.send("x");
    expect(bench.seen).toHaveLength(1);
    expect(bench.link.isFull).toBe(true);
    bench.isBlocked = false;
    bench.link.unblock(0);
    expect(bench.seen).toHaveLength(HELD_CHUNKS_MAX + 1);
    expect(bench.link.isFull).toBe(false);
  });

  test("whatever comes and goes meanwhile, each byte arrives once and in order, and the end after them", () => {
    const order = fc.oneof(
      fc.record({ do: fc.constant("send" as const), length: fc.integer({ min: 1, max: 40 }) }),
      fc.record({
        do: fc.constantFrom("add", "update", "remove"),
        type: fc.constantFrom(
          "latency",
          "bandwidth",
          "slicer",
          "slow_close",
          "blackhole",
          "noop",
          "reset_peer",
        ),
        value: fc.integer({ min: 1, max: 50 }),
      }),
      fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ do: fc.constantFrom("block" as const, "unblock" as const) }),
    );
    fc.assert(
      fc.property(fc.array(order, { maxLength: 60 }), fc.integer(), (orders, seed) => {
        const bench = new Bench(seed);
        const here = new Set<string>();
        let sent = "";
        for (const step of orders) {
          switch (step.do) {
            case "send":
              sent += STREAM.slice(0, step.length);
              bench.send(STREAM.slice(0, step.length));
              break;
            case "wait":
              bench.until(bench.nowMs + step.ms);
              break;
            case "block":
              bench.isBlocked = true;
              break;
            case "unblock":
              bench.isBlocked = false;
              bench.link.unblock(bench.nowMs);
              break;
            default: {
              const { type, value } = step;
              // Removed before its time a reset has not happened: its time here is never.
              const attributes =
                type === "reset_peer"
                  ? { timeout: 1e9 }
                  : { latency: value, jitter: value, rate: value, average_size: value, delay: value };
              if (step.do === "add" && !here.has(type)) {
                here.add(type);
                bench.add(type, attributes);
              }
              if (step.do === "update") bench.update(type, attributes);
              if (step.do === "remove" && here.delete(type)) bench.remove(type);
            }
          }
          expect(sent.startsWith(bench.text)).toBe(true);
        }
        bench.end();
        bench.isBlocked = false;
        bench.link.unblock(bench.nowMs);
        for (const type of here) bench.remove(type);
        expect(bench.text).toBe(sent);
        expect(bench.seen.at(-1)).toMatch(/<end>$/);
        expect(bench.link.heldBytes).toBe(0);
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});
