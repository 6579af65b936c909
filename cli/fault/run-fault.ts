/** What `anycastle fault` does: asks the keeper, says what it said. Something that is left ends with 1. */
import { EXIT, UserError } from "#core/errors.ts";
import type { FaultCall, FaultReport } from "#core/wire/keeper.ts";
import { LabClient } from "#lab/client.ts";
import { KeeperClient } from "#lab/keeper/client.ts";
import { FAULT_KINDS, faultKind } from "#lab/keeper/kinds/registry.ts";
import { defaultRuntimeDir } from "#lab/runtime-dir.ts";
import { listOf } from "../actions.ts";
import type { Output } from "../output.ts";

const FAULTS_SCHEMA = "anycastle.faults/v1";
const KINDS_SCHEMA = "anycastle.fault-kinds/v1";

export async function runAdd(output: Output, call: FaultCall, isJson: boolean): Promise<void> {
  faultKind(call.kind);
  const dir = defaultRuntimeDir();
  LabClient.find(dir);
  const report = await withKeeper(await KeeperClient.reach(dir), (keeper) => keeper.add(call));
  if (isJson) return output.printJson({ schema: FAULTS_SCHEMA, faults: [report] });
  output.print(`${report.kind} of ${listOf(report.targets)}: ${report.evidence}`);
  output.print(
    `ends by itself in ${seconds(report.leftMs ?? 0)}; \`anycastle fault remove ${report.id}\` ends it now`,
  );
}

export async function runList(output: Output, isJson: boolean): Promise<void> {
  const keeper = await KeeperClient.reachIfAny(defaultRuntimeDir());
  const faults = keeper === undefined ? [] : await withKeeper(keeper, () => keeper.list());
  if (isJson) return output.printJson({ schema: FAULTS_SCHEMA, faults });
  if (faults.length === 0) return output.print("no fault is in force");
  for (const fault of faults) output.print(lineOf(fault));
}

export async function runRemove(output: Output, id: string, isJson: boolean): Promise<void> {
  const keeper = await KeeperClient.reachIfAny(defaultRuntimeDir());
  if (keeper === undefined) {
    throw new UserError("FAULT_UNKNOWN", `no fault is called "${id.slice(0, 80)}": none is in force`);
  }
  tellEnds(output, [await withKeeper(keeper, () => keeper.remove(id))], isJson);
}

export async function runReset(output: Output, isJson: boolean): Promise<void> {
  const keeper = await KeeperClient.reachIfAny(defaultRuntimeDir());
  tellEnds(output, keeper === undefined ? [] : await withKeeper(keeper, () => keeper.reset()), isJson);
}

export function runKinds(output: Output, isJson: boolean): void {
  const kinds = FAULT_KINDS.map(({ attributes, kind, aliases, meaning }) => {
    const fields = Object.entries(attributes.shape).map(([name, field]) => {
      // Each has one, or a fault could not be ordered by its name alone.
      const byDefault = field.parse(undefined) as number;
      return { name, byDefault, meaning: field.description ?? "" };
    });
    return { kind, aliases, meaning, attributes: fields };
  });
  if (isJson) return output.printJson({ schema: KINDS_SCHEMA, kinds });
  const width = Math.max(...kinds.map(({ kind }) => kind.length));
  for (const { kind, aliases, meaning, attributes } of kinds) {
    const also = aliases.length === 0 ? "" : ` (also ${aliases.join(", ")})`;
    output.print(`${kind.padEnd(width)}  ${meaning}${also}`);
    for (const field of attributes) {
      output.print(`${" ".repeat(width)}    ${field.name}=${field.byDefault}  ${field.meaning}`);
    }
  }
}

function tellEnds(output: Output, faults: readonly FaultReport[], isJson: boolean): void {
  if (isJson) output.printJson({ schema: FAULTS_SCHEMA, faults });
  else if (faults.length === 0) output.print("no fault was in force");
  else for (const fault of faults) output.print(endOf(fault));
  const left = faults.filter(({ phase }) => phase !== "gone");
  if (left.length === 0) return;
  throw new UserError("FAULT_RESIDUAL", `not seen to be gone: ${listOf(left.map(({ id }) => id))}`, {
    hint: "the keeper goes on trying; `anycastle fault list` tells how it stands",
    exitCode: EXIT.failure,
  });
}

function endOf({ evidence, id, phase, goneMs }: FaultReport): string {
  return phase === "gone"
    ? `${id}: gone after ${goneMs} ms (${evidence})`
    : `${id}: still there (${evidence})`;
}

function lineOf({ end, evidence, id, isResidual, leftMs, phase, targets }: FaultReport): string {
  const left = leftMs === null ? `ending, ${end}` : `${seconds(leftMs)} left`;
  return `${id}  ${targets.join(" ")}  ${isResidual ? "RESIDUAL" : phase}  ${left}  ${evidence}`;
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`;
}

async function withKeeper<T>(keeper: KeeperClient, act: (keeper: KeeperClient) => Promise<T>): Promise<T> {
  try {
    return await act(keeper);
  } finally {
    await keeper.close();
  }
}
