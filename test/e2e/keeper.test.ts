/** The keeper on a real lab: each kind is injected, seen, removed and seen to be gone; whoever is killed, nothing is left. */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LabStatus, NodeStatus } from "#core/wire/control.ts";
import type { FaultReport } from "#core/wire/keeper.ts";
import { LabClient } from "#lab/client.ts";
import { KeeperClient } from "#lab/keeper/client.ts";
import { FAULT_KINDS } from "#lab/keeper/kinds/registry.ts";
import { ledgerPath } from "#lab/keeper/keeper-place.ts";
import { replayLedger } from "#lab/keeper/ledger.ts";
import { processState } from "#lab/process-stat.ts";
import { startLabProcess, type LabProcess } from "../lab/start-lab-process.ts";

let dir: string;
let lab: LabProcess;

beforeAll(async () => {
  lab = await startLabProcess();
  ({ dir } = lab);
}, 60_000);

afterAll(async () => {
  const pid = keeperPid();
  if (pid !== undefined) process.kill(pid, "SIGTERM");
  await until(() => pid === undefined || isGone(pid));
  await lab.end();
});

function keeperPid(): number | undefined {
  const file = join(dir, "keeper.lock");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid : undefined;
}

function isGone(pid: number): boolean {
  const state = processState(pid);
  return state === undefined || state === "Z";
}

/** Polls: what is waited for is another process'. */
async function until(isIt: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isIt())) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function nodeOf(site: string): Promise<NodeStatus> {
  const status: LabStatus = await LabClient.find(dir).status();
  return status.sites.find((each) => each.site === site)!.nodes[0]!;
}

async function withKeeper<T>(act: (keeper: KeeperClient) => Promise<T>): Promise<T> {
  const keeper = await KeeperClient.reach(dir);
  try {
    return await act(keeper);
  } finally {
    await keeper.close();
  }
}

function armed(): string[] {
  return replayLedger(readFileSync(ledgerPath(dir))).armed.map(({ id }) => id);
}

async function kill9(): Promise<void> {
  const pid = keeperPid()!;
  process.kill(pid, "SIGKILL");
  await until(() => isGone(pid));
}

async function refusal(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => "taken",
    (error: unknown) => (error as { code: string }).code,
  );
}

test.each(FAULT_KINDS.map(({ kind }) => kind))(
  "%s: injected, seen, removed, seen to be gone",
  async (kind) => {
    await withKeeper(async (keeper) => {
      const added = await keeper.add({ kind, target: "ny1", ttlMs: 60_000 });
      expect(added).toMatchObject({ kind, targets: ["ny1-1"], phase: "held", end: null });
      expect(added.evidence).toMatch(/ny1-1/);
      const { fault, misbehaviour } = await nodeOf("ny1");
      expect(fault ?? misbehaviour).not.toBe(null);
      expect(armed()).toEqual([added.id]);
      expect(await refusal(keeper.add({ kind, target: "ny1-1", ttlMs: 60_000 }))).toBe("FAULT_ACTIVE");
      const removed = await keeper.remove(added.id);
      expect(removed).toMatchObject({ phase: "gone", end: "asked", isResidual: false });
      expect(await nodeOf("ny1")).toMatchObject({ fault: null, misbehaviour: null, process: "running" });
      await until(() => armed().length === 0);
      expect(await keeper.list()).toEqual([]);
    });
  },
);

test("it ends by itself, without anybody who asks", async () => {
  const { id } = await withKeeper((keeper) => keeper.add({ kind: "node_hang", target: "ny1", ttlMs: 400 }));
  await until(() => !armed().includes(id));
  expect(await nodeOf("ny1")).toMatchObject({ fault: null, process: "running", bgp: "up" });
});

test("a target that is down already is refused: nothing could be told by it", async () => {
  const client = LabClient.find(dir);
  await client.fail({ target: "ny1", how: "hang" });
  await withKeeper(async (keeper) => {
    expect(await refusal(keeper.add({ kind: "node_crash", target: "ny1", ttlMs: 60_000 }))).toBe(
      "TARGET_UNWELL",
    );
  });
  await client.reset();
  expect(armed()).toEqual([]);
});

test.each([
  ["KIND_UNKNOWN", { kind: "node_crsh", target: "ny1", ttlMs: 1_000 }],
  ["TARGET_UNKNOWN", { kind: "node_crash", target: "mars1", ttlMs: 1_000 }],
  ["TTL_INVALID", { kind: "node_crash", target: "ny1", ttlMs: 0 }],
  ["ATTRIBUTE_INVALID", { kind: "http_error", target: "ny1", ttlMs: 1_000, attributes: { percent: 0 } }],
  ["ATTRIBUTE_INVALID", { kind: "node_hang", target: "ny1", ttlMs: 1_000, attributes: { percent: 50 } }],
  ["BODY_INVALID", { kind: "node_crash", target: "ny1", ttlMs: "long" as unknown as number }],
])("refused, and nothing is touched: %s", async (code, call) => {
  await withKeeper(async (keeper) => {
    expect(await refusal(keeper.add(call))).toBe(code);
    expect([await keeper.list(), armed()]).toEqual([[], []]);
  });
});

test("kill -9 of the keeper: the next one undoes what is in the ledger, a torn line and garbage beside it", async () => {
  const { id } = await withKeeper((keeper) =>
    keeper.add({ kind: "node_hang", target: "ny1", ttlMs: 60_000 }),
  );
  const { pid } = await nodeOf("ny1");
  await kill9();
  appendFileSync(ledgerPath(dir), 'no ledger line\n00000000 {"do":"arm","order":{"id":"to');
  expect([armed(), processState(pid!)]).toEqual([[id], "T"]);
  const keeper = await KeeperClient.reachIfAny(dir);
  await until(async () => (await keeper!.list()).length === 0);
  await keeper!.close();
  expect(processState(pid!)).not.toBe("T");
  expect((await nodeOf("ny1")).fault).toBe(null);
  await until(() => armed().length === 0);
});

test("a drill belongs to one process; without it no fault of the drill is injected", async () => {
  await withKeeper(async (keeper) => {
    const call = { kind: "node_hang", target: "ny1", ttlMs: 60_000, drill: "d-2" };
    expect(await refusal(keeper.add(call))).toBe("FAULT_REFUSED");
    await keeper.own("d-2", () => undefined);
    expect(await refusal(keeper.own("d-2", () => undefined))).toBe("DRILL_OWNED");
    const changes: string[] = [];
    await keeper.watch(({ phase }) => changes.push(phase));
    const { id } = await keeper.add(call);
    await keeper.remove(id);
    await until(() => changes.includes("gone"));
    expect(changes.slice(0, 4)).toEqual(["writing", "injecting", "verifying", "held"]);
  });
});

test("the faults of a drill end when its process is killed; those of others stay", async () => {
  await withKeeper(async (keeper) => {
    const other = await keeper.add({ kind: "node_hang", target: "la1", ttlMs: 60_000 });
    const owner = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { KeeperClient } from ${JSON.stringify(new URL("../../lab/keeper/client.ts", import.meta.url).href)};
         const keeper = await KeeperClient.reach(${JSON.stringify(dir)});
         await keeper.own("d-1", () => undefined);
         await keeper.add({ kind: "node_hang", target: "ny1", ttlMs: 60_000, drill: "d-1" });
         process.stdout.write("armed");
         setInterval(() => undefined, 1_000);`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await new Promise((resolve) => owner.stdout.once("data", resolve));
    expect((await keeper.list()).map(({ drill }) => drill)).toEqual([null, "d-1"]);
    owner.kill("SIGKILL");
    await until(async () => (await keeper.list()).length === 1);
    expect((await nodeOf("ny1")).fault).toBe(null);
    expect((await nodeOf("la1")).fault).toBe("hang");
    const gone: FaultReport[] = await keeper.reset();
    expect(gone.map(({ id, phase }) => [id, phase])).toEqual([[other.id, "gone"]]);
  });
});

test("with nothing to hold and nobody who asks it ends", async () => {
  await withKeeper((keeper) => keeper.list());
  const pid = keeperPid()!;
  await until(() => isGone(pid));
  expect([existsSync(join(dir, "keeper.sock")), existsSync(join(dir, "keeper.lock"))]).toEqual([
    false,
    false,
  ]);
});
