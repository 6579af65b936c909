/**
 * What the kernel still holds for peers that have not taken it, from Linux' /proc. A write that was accepted says little: the
 * kernel holds some megabytes for a connection, and wakes its writer only when a third of that is free again.
 */
import { readFileSync, readlinkSync } from "node:fs";

const TX_QUEUE = 4;
const INODE = 9;

/** Bytes written and not acknowledged, by descriptor of a TCP socket; those that nobody tells of are left out. */
export function untakenBytes(descriptors: readonly number[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const byInode = new Map<string, number>();
  for (const descriptor of descriptors) {
    const inode = inodeOf(descriptor);
    if (inode !== undefined) byInode.set(inode, descriptor);
  }
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    if (found.size === byInode.size) break;
    for (const line of linesOf(file)) {
      const fields = line.trim().split(/\s+/, INODE + 1);
      const descriptor = byInode.get(fields[INODE] ?? "");
      if (descriptor !== undefined) found.set(descriptor, Number.parseInt(fields[TX_QUEUE]!, 16));
    }
  }
  return found;
}

function inodeOf(descriptor: number): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  } catch {
    return undefined;
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "latin1").split("\n");
  } catch {
    return [];
  }
}
