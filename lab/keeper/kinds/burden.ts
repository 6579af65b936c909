/** A thread in the node's process that burdens it, as proc(5) shows it from outside; gone with its thread. */
import { BURDEN_THREADS } from "#core/wire/misbehaviour.ts";
import { threadBusyMs } from "../../process-stat.ts";
import type { EmbeddedNode } from "../embedded-cast.ts";
import type { EmbeddedScene } from "./kind.ts";

/** For how long its thread has computed, or wanted to, since its start; undefined: there is none. */
export function burdenBusyMs({ pid }: EmbeddedNode, kind: keyof typeof BURDEN_THREADS): number | undefined {
  return pid === null ? undefined : threadBusyMs(pid, BURDEN_THREADS[kind]);
}

export function seenUnburdened({ nodes }: EmbeddedScene, kind: keyof typeof BURDEN_THREADS): string {
  const left = nodes.find((node) => burdenBusyMs(node, kind) !== undefined);
  if (left !== undefined) throw new Error(`${left.node} still has the thread ${BURDEN_THREADS[kind]}`);
  return `no thread ${BURDEN_THREADS[kind]}`;
}
