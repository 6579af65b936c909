/** Who listens on a port, from Linux' /proc: for the message that a port is taken. Undefined where nobody tells. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const COMMAND_LENGTH_MAX = 60;
/** State of a listening socket in /proc/net/tcp. */
const LISTEN = "0A";

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
  for (const fd of numericEntries(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return true;
    } catch {
      // Closed between the listing and the reading.
    }
  }
  return false;
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
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of linesOf(file)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) === true && fields[3] === LISTEN && fields[9] !== undefined) {
        inodes.add(fields[9]);
      }
    }
  }
  return inodes;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
