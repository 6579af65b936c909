/** The keeper between those who order and its machine, on a cast that only pretends. */
import { expect, test } from "vitest";
import type { EmbeddedCast, EmbeddedNode } from "#lab/keeper/embedded-cast.ts";
import { Keeper } from "#lab/keeper/keeper.ts";

const NODE = {
  node: "ny1-1",
  process: "running",
  fault: null,
  misbehaviour: null,
  bgp: "up",
} as EmbeddedNode;
const CALL = { kind: "bgp_hang", target: "ny1", ttlMs: 60_000 };

/** Tells its nodes when it is let; counts what is done to it. */
class Pretence implements EmbeddedCast {
  readonly done: string[] = [];
  #let: () => void = () => undefined;
  #isHeld = false;

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#let();
  }

  async nodesOf(): Promise<readonly EmbeddedNode[]> {
    if (this.#isHeld) await new Promise<void>((resolve) => (this.#let = resolve));
    return [NODE];
  }

  async fail(_target: string, how: string): Promise<void> {
    this.done.push(how);
  }

  async misbehave(): Promise<void> {}

  async revive(): Promise<void> {
    this.done.push("revive");
  }

  async untilBgp(_target: string, state: string): Promise<string> {
    return `BGP ${state}`;
  }

  async ask(): Promise<{ readonly how: "answered"; readonly status: number }> {
    return { how: "answered", status: 200 };
  }

  async isConnectable(): Promise<boolean> {
    return true;
  }
}

function start(append: () => Promise<void> = async () => undefined): { cast: Pretence; keeper: Keeper } {
  const cast = new Pretence();
  return { cast, keeper: new Keeper({ cast, append }) };
}

async function refusal(act: Promise<unknown>): Promise<unknown> {
  return act.then(
    () => "taken",
    (error: unknown) => (error as { code: unknown }).code,
  );
}

test("what was to go while a fault was on its way is not injected: nobody would remove it before its time", async () => {
  const { cast, keeper } = start();
  cast.hold();
  const ordered = refusal(keeper.order(CALL));
  await keeper.removeAll("asked", 0);
  cast.release();
  expect([await ordered, cast.done, keeper.isClean]).toEqual(["FAULT_REFUSED", [], true]);
  expect(await refusal(keeper.order(CALL))).toBe("taken");
  await keeper.close("asked", 1_000);
});

test("a drill whose process has gone gets no fault, also one that it ordered before", async () => {
  const { cast, keeper } = start();
  keeper.own("d");
  cast.hold();
  const ordered = refusal(keeper.order({ ...CALL, drill: "d" }));
  await keeper.disown("d", 0);
  cast.release();
  expect(await ordered).toBe("FAULT_REFUSED");
  expect(await refusal(keeper.order({ ...CALL, drill: "d" }))).toBe("FAULT_REFUSED");
  expect(cast.done).toEqual([]);
});

test("a full disk: nothing is injected, and why is told; what is in force can be removed all the same", async () => {
  let isFull = false;
  const { cast, keeper } = start(async () => {
    if (isFull) throw new Error("ENOSPC: no space left on device");
  });
  const { id } = await keeper.order(CALL);
  isFull = true;
  await keeper.remove(id, 1_000);
  expect([cast.done, keeper.isClean]).toEqual([["bgp-cut", "revive"], true]);
  const error = (await keeper.order(CALL).catch((thrown: unknown) => thrown)) as Error;
  expect(error.message).toContain("the ledger cannot be written: ENOSPC");
  expect(cast.done).toEqual(["bgp-cut", "revive", "revive"]);
});
