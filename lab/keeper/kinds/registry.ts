/** All kinds of faults, by the name people type; an alias is another name of the same. */
import { UserError } from "#core/errors.ts";
import { suggest } from "#core/suggest.ts";
import { bgpHang } from "./bgp-hang.ts";
import { corruptBody } from "./corrupt-body.ts";
import { cpu } from "./cpu.ts";
import { httpError } from "./http-error.ts";
import { memory } from "./memory.ts";
import { slowAnswer } from "./slow-answer.ts";
import type { FaultKind } from "./kind.ts";
import { nodeCrash } from "./node-crash.ts";
import { nodeHang } from "./node-hang.ts";
import { nodeStop } from "./node-stop.ts";
import { partition } from "./partition.ts";

export const FAULT_KINDS: readonly FaultKind[] = [
  nodeCrash,
  nodeStop,
  nodeHang,
  partition,
  bgpHang,
  httpError,
  corruptBody,
  slowAnswer,
  cpu,
  memory,
];

const BY_NAME = new Map(
  FAULT_KINDS.flatMap((kind) => [kind.kind, ...kind.aliases].map((name) => [name, kind] as const)),
);

/** Throws `KIND_UNKNOWN`. */
export function faultKind(name: string): FaultKind {
  const kind = BY_NAME.get(name);
  if (kind !== undefined) return kind;
  const near = suggest(name, BY_NAME.keys());
  throw new UserError("KIND_UNKNOWN", `there is no fault "${name.slice(0, 80)}"`, {
    hint:
      near === undefined
        ? `kinds are ${FAULT_KINDS.map(({ kind: each }) => each).join(", ")}`
        : `did you mean "${near}"?`,
  });
}
