/** Who listens on a port, from Linux' /proc: for the message that a port is taken. Undefined where nobody tells. */
import { readdirSync, readFileSync } from "node:fs";
import { kernelSockets, socketInode } from "./kernel-sockets.ts";

const COMMAND_LENGTH_MAX = 60;

/** `pid 4711 (nginx: master process)`; a process of another user is not told to us. */
export function holderOf(port: number): string | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of numericEntries("/proc")) {
    if (holdsAny(pid, inodes)) return `pid ${pid} (${commandOf(pid)})`;
  }
  return undefined;
}

function holdsAny(pid: string, inodes: ReadonlySet<string>): boolean {
  return numericEntries(`/proc/${pid}/fd`).some((descriptor) => {
    const inode = socketInode(pid, descriptor);
    return inode !== undefined && inodes.has(inode);
  });
}

/** Empty where there is no such directory or it is somebody else's. */
function numericEntries(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function commandOf(pid: string): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
    return words.slice(0, COMMAND_LENGTH_MAX) || readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "its command is not told";
  }
}

function listeningInodes(port: number): Set<string> {
  const inodes = new Set<string>();
  for (const { inode, isListening, localPort } of kernelSockets()) {
    if (isListening && localPort === port) inodes.add(inode);
  }
  return inodes;
}
