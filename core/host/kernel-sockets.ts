/** TCP sockets as Linux' kernel tells of them in /proc: nothing where there is no such thing, or where it is not for us. */
import { readFileSync, readlinkSync } from "node:fs";

/** Columns of /proc/net/tcp. */
const LOCAL_ADDRESS = 1;
const STATE = 3;
const TX_QUEUE = 4;
const INODE = 9;
/** A state. */
const LISTEN = "0A";

export interface KernelSocket {
  readonly localPort: number;
  readonly isListening: boolean;
  /** Written and not acknowledged. */
  readonly untakenBytes: number;
  readonly inode: string;
}

export function* kernelSockets(): Generator<KernelSocket> {
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of linesOf(file)) {
      const fields = line.trim().split(/\s+/, INODE + 1);
      const inode = fields[INODE];
      // Not the line of headings.
      if (inode === undefined || !fields[LOCAL_ADDRESS]!.includes(":")) continue;
      yield {
        localPort: Number.parseInt(fields[LOCAL_ADDRESS]!.split(":")[1]!, 16),
        isListening: fields[STATE] === LISTEN,
        untakenBytes: Number.parseInt(fields[TX_QUEUE]!, 16),
        inode,
      };
    }
  }
}

/** Of a descriptor of process `pid`; undefined: it is no socket, or has closed. */
export function socketInode(pid: string, descriptor: number | string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
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
