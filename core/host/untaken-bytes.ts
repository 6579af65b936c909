/**
 * What the kernel still holds for peers that have not taken it, from Linux' /proc. A write that was accepted says little: the
 * kernel holds some megabytes for a connection, and wakes its writer only when a third of that is free again.
 */
import { kernelSockets, socketInode } from "./kernel-sockets.ts";

/** Bytes written and not acknowledged, by descriptor of a TCP socket; those that nobody tells of are left out. */
export function untakenBytes(descriptors: readonly number[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const byInode = new Map<string, number>();
  for (const descriptor of descriptors) {
    const inode = socketInode("self", descriptor);
    if (inode !== undefined) byInode.set(inode, descriptor);
  }
  if (byInode.size === 0) return found;
  for (const { inode, untakenBytes: bytes } of kernelSockets()) {
    const descriptor = byInode.get(inode);
    if (descriptor !== undefined) found.set(descriptor, bytes);
    if (found.size === byInode.size) break;
  }
  return found;
}
