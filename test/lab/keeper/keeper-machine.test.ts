/**
 * The keeper's decisions on virtual time: a life by the book, each way to end early, and a thousand random worlds in which steps
 * fail, hang and come late, the keeper is killed at any moment and the ledger is torn; nothing may be left of any fault.
 */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import type { FaultOrder } from "#core/wire/keeper.ts";
import {
  KEEPER_RULES,
  KeeperMachine,
  type KeeperRules,
  type KeeperStep,
} from "#lab/keeper/keeper-machine.ts";
import { ledgerLine, replayLedger } from "#lab/keeper/ledger.ts";

const RULES: KeeperRules = { ...KEEPER_RULES, stepMsMax: 500, retryMs: 20, residualAfterMs: 2_000 };

function orderOf(id: string, ttlMs = 1_000, targets: readonly string[] = [id]): FaultOrder {
  return { id, kind: "node_hang", target: id, targets, attributes: {}, ttlMs, drill: null };
}

/** `write+` : the step that was asked for, told back as good; `-`: as bad. Numbers: milliseconds pass. */
function play(script: string, machine = new KeeperMachine(RULES)): { asked: string; machine: KeeperMachine } {
  let nowMs = 0;
  let open: KeeperStep | undefined;
  const asked: string[] = [];
  const take = (): void => {
    for (const step of machine.takeSteps()) {
      asked.push(step.step);
      open = step;
    }
  };
  for (const word of script.split(" ")) {
    if (word === "order") machine.order(orderOf("a"), nowMs);
    else if (word === "remove") machine.remove("a", "asked", nowMs);
    else if (/^\d+$/.test(word)) machine.tick((nowMs += Number(word)));
    else machine.done(open!, { ok: word === "+", evidence: word }, nowMs);
    take();
  }
  return { asked: asked.join(" "), machine };
}

test.each([
  ["order + + +", "write inject verify", "held", undefined],
  ["order + + + 999", "write inject verify", "held", undefined],
  ["order + + + 1000 + +", "write inject verify remove prove", "gone", "expired"],
  ["order + + + remove + +", "write inject verify remove prove", "gone", "asked"],
  ["order -", "write remove", "removing", "unwritten"],
  ["order + -", "write inject remove", "removing", "not-injected"],
  ["order + + - + +", "write inject verify remove prove", "gone", "unverified"],
  ["order + + + remove - 19", "write inject verify remove", "removing", "asked"],
  ["order + + + remove - 20 + +", "write inject verify remove remove prove", "gone", "asked"],
  ["order + + + remove + - 20 + +", "write inject verify remove prove remove prove", "gone", "asked"],
  ["order + + + remove 500 20 + +", "write inject verify remove remove prove", "gone", "asked"],
  ["order + 500 + +", "write inject remove prove", "removing", "not-injected"],
])("%s: asks for %s, then it is %s (%s)", (script, asked, phase, end) => {
  const played = play(script);
  expect(played.asked).toBe(asked);
  const view = played.machine.view("a", 1_000)!;
  expect([view.phase, view.end]).toEqual([phase, end]);
});

test("removal does not wait for an injection, and is repeated when that comes late", () => {
  const machine = new KeeperMachine(RULES);
  machine.order(orderOf("a"), 0);
  const [write] = machine.takeSteps();
  machine.done(write!, { ok: true, evidence: "" }, 0);
  const [inject] = machine.takeSteps();
  machine.remove("a", "asked", 10);
  const [remove] = machine.takeSteps();
  expect(remove!.step).toBe("remove");
  machine.done(remove!, { ok: true, evidence: "" }, 11);
  const [early] = machine.takeSteps();
  machine.done(early!, { ok: true, evidence: "nothing there" }, 12);
  expect(machine.view("a", 12)!.phase).toBe("removing");
  machine.done(inject!, { ok: true, evidence: "done after all" }, 13);
  const [again] = machine.takeSteps();
  expect([again!.step, machine.isClean]).toEqual(["remove", false]);
  machine.done(again!, { ok: true, evidence: "" }, 14);
  machine.done(machine.takeSteps()[0]!, { ok: true, evidence: "" }, 15);
  expect(machine.isClean).toBe(true);
});

test.each([
  ["closing", orderOf("b"), true],
  ["id-taken", orderOf("a"), false],
  ["ttl", orderOf("b", 0), false],
  ["ttl", orderOf("b", Number.NaN), false],
  ["ttl", orderOf("b", RULES.ttlMsMax + 1), false],
  ["no-target", orderOf("b", 1_000, []), false],
  ["target-taken", orderOf("b", 1_000, ["c", "a"]), false],
])("refused: %s", (refusal, order, isClosing) => {
  const { machine } = play("order + + +");
  if (isClosing) machine.close("owner-gone", 1);
  machine.takeSteps();
  expect(machine.order(order, 2)).toBe(refusal);
  expect(machine.takeSteps()).toEqual([]);
});

test("so many at a time; what is gone does not count, and may be forgotten", () => {
  const machine = new KeeperMachine({ ...RULES, faultsMax: 1 });
  play("order + + + remove + +", machine);
  expect(machine.order(orderOf("a"), 5)).toBe("id-taken");
  machine.forget("a");
  expect(machine.order(orderOf("a"), 5)).toBe(undefined);
  expect(machine.order(orderOf("b"), 5)).toBe("too-many");
  machine.forget("a");
  expect(machine.view("a", 5)!.phase).toBe("writing");
});

test("residual: it should be gone and is not; found again for as long as it takes", () => {
  const { machine } = play("order + + + remove");
  let step = { step: "remove", order: machine.view("a", 0)!.order, attempt: 4 } as KeeperStep;
  for (let nowMs = 0; nowMs < 3_000; nowMs += 20) {
    machine.done(step, { ok: step.step === "remove", evidence: "still there" }, nowMs);
    machine.tick(nowMs);
    step = machine.takeSteps().at(-1) ?? step;
    expect(machine.view("a", nowMs)!.isResidual).toBe(nowMs >= 2_000);
  }
  expect(machine.view("a", 3_000)!.evidence).toBe("still there");
});

function below(prng: Prng, end: number): number {
  return prng.integer(0, end - 1);
}

/** What is really broken, however anybody thinks of it. */
interface World {
  readonly broken: Map<string, string>;
  /** The disk: all that a crash leaves. */
  readonly disk: string[];
}

function bytesOf({ disk }: World): Buffer {
  return Buffer.from(disk.join(""));
}

interface Out {
  readonly atMs: number;
  readonly act: () => void;
}

/** One keeper on virtual time, from its start to its death or until nothing is left. Returns when it ended. */
function live(world: World, prng: Prng, startMs: number, deathMs: number): { endMs: number; orders: number } {
  const machine = new KeeperMachine(RULES);
  const replay = replayLedger(bytesOf(world));
  if (replay.isTorn) world.disk.push("\n");
  for (const order of replay.armed) machine.replay(order, startMs);
  let outs: Out[] = [];
  let orders = 0;
  let nowMs = startMs;
  const append = (line: string): void => void world.disk.push(line);
  const carryOut = (asked: KeeperStep): void => {
    const { id, targets } = asked.order;
    const tookMs = prng.chance(5, 100) ? below(prng, 900) : below(prng, 30);
    const isGood = !prng.chance(12, 100);
    const doneAt = (act: () => boolean): void => {
      outs.push({
        atMs: nowMs + tookMs,
        act: () => machine.done(asked, { ok: act(), evidence: "" }, nowMs),
      });
    };
    switch (asked.step) {
      case "write":
        // In order, and on the disk before it is told.
        append(ledgerLine({ do: "arm", order: asked.order }));
        return doneAt(() => true);
      case "inject":
        return doneAt(() => {
          // One that says that it failed may have worked all the same.
          if (isGood || prng.chance(50, 100)) for (const target of targets) world.broken.set(target, id);
          return isGood;
        });
      case "verify":
        return doneAt(() => isGood);
      case "remove":
        return doneAt(() => {
          if (isGood || prng.chance(50, 100)) for (const target of targets) world.broken.delete(target);
          return isGood;
        });
      case "prove":
        return doneAt(() => isGood && targets.every((target) => !world.broken.has(target)));
    }
  };
  for (;;) {
    for (const step of machine.takeSteps()) carryOut(step);
    for (const view of machine.views(nowMs)) {
      if (view.phase !== "gone") continue;
      const left = view.order.targets.filter((target) => world.broken.get(target) === view.order.id);
      if (left.length > 0) throw new Error(`${view.order.id} counts as gone, and ${left.join()} is broken`);
      append(ledgerLine({ do: "gone", id: view.order.id }));
      machine.forget(view.order.id);
    }
    const isOver = deathMs === Infinity && nowMs > startMs + 3_000;
    if (isOver && machine.isClean && outs.length === 0) return { endMs: nowMs, orders };
    const orderMs = isOver ? Infinity : nowMs + below(prng, 60);
    const nextOut = Math.min(Infinity, ...outs.map(({ atMs }) => atMs));
    const nextMs = Math.min(orderMs, nextOut, machine.nextTickMs());
    if (nextMs >= deathMs) {
      // What was on its way to a process or a container arrives although nobody waits for it any more.
      for (const { act } of outs) act();
      const torn = below(prng, 40);
      const isWriting = prng.chance(30, 100);
      if (isWriting) append(ledgerLine({ do: "arm", order: orderOf("torn") }).slice(0, torn + 1));
      return { endMs: deathMs, orders };
    }
    nowMs = Math.max(nowMs, nextMs);
    if (nowMs > startMs + 300_000) throw new Error("it comes to no end");
    const due = outs.filter(({ atMs }) => atMs <= nowMs);
    outs = outs.filter(({ atMs }) => atMs > nowMs);
    for (const { act } of due) act();
    machine.tick(nowMs);
    if (nowMs < orderMs) continue;
    const targets = [`n${below(prng, 6)}`, ...(prng.chance(30, 100) ? [`n${below(prng, 6)}`] : [])];
    const order = orderOf(`${startMs}/${orders}`, 1 + below(prng, 1_500), [...new Set(targets)]);
    if (machine.order(order, nowMs) === undefined) orders += 1;
    const whim = below(prng, 100);
    if (whim < 20) machine.removeAll("asked", nowMs);
    else if (whim < 36) machine.remove(`${startMs}/${below(prng, orders + 1)}`, "asked", nowMs);
  }
}

test("a thousand worlds: whoever is killed whenever, the one after the last leaves nothing", () => {
  let orders = 0;
  let deaths = 0;
  for (let seed = 1; seed <= 1_000; seed++) {
    const prng = new Prng(seed).fork("keeper");
    const world: World = { broken: new Map(), disk: [] };
    let nowMs = 0;
    for (let lives = below(prng, 4); lives > 0; lives--) {
      const life = live(world, prng, nowMs, nowMs + 1 + below(prng, 2_500));
      nowMs = life.endMs + 1;
      orders += life.orders;
      deaths += 1;
    }
    orders += live(world, prng, nowMs, Infinity).orders;
    expect([seed, world.broken.size, replayLedger(bytesOf(world)).armed.length]).toEqual([seed, 0, 0]);
  }
  expect(orders).toBeGreaterThan(50_000);
  expect(deaths).toBeGreaterThan(1_000);
});

test("the ledger: torn at any byte it gives all that was whole; a spoilt line takes no other along", () => {
  const records = [
    { do: "arm", order: orderOf("a") },
    { do: "arm", order: { ...orderOf("b"), attributes: { text: "für\n" } } },
    { do: "gone", id: "a" },
  ] as const;
  const bytes = Buffer.from(records.map(ledgerLine).join(""));
  for (let length = 0; length <= bytes.length; length++) {
    const { armed, spoiltCount, isTorn } = replayLedger(bytes.subarray(0, length));
    const whole = bytes.subarray(0, length).filter((byte) => byte === 0x0a).length;
    expect([armed.map(({ id }) => id), spoiltCount]).toEqual([[[], ["a"], ["a", "b"], ["b"]][whole], 0]);
    expect(isTorn).toBe(length > 0 && bytes[length - 1] !== 0x0a);
  }
  const spoilt = Buffer.from(bytes);
  spoilt[12]! ^= 1;
  expect(replayLedger(spoilt)).toMatchObject({ armed: [{ id: "b" }], spoiltCount: 1 });
  expect(replayLedger(Buffer.alloc(5_000)).armed).toEqual([]);
});
