/** Ports of a lab: many free ones at once for its own use, and the two that people see. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { codeOf, UserError } from "#core/errors.ts";

const TRIES_MAX = 50;

/** `count` distinct ports that are free now. All are held until the last is found, so none comes twice. */
export async function freePorts(host: string, count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    for (let index = 0; index < count; index++) servers.push(await hold(host, 0));
    return servers.map(portOf);
  } finally {
    await Promise.all(servers.map(release));
  }
}

export interface WantedPort {
  readonly port: number;
  /** Somebody asked for just this one. */
  readonly isStrict: boolean;
}

/** The port itself, or with the default the next free one. Throws `PORT_BUSY`, naming the holder where it can. */
export async function choosePort(
  host: string,
  wanted: WantedPort,
  what: string,
  taken: number[] = [],
): Promise<number> {
  if (wanted.port === 0) return (await freePorts(host, 1))[0]!;
  for (let port = wanted.port; port < wanted.port + TRIES_MAX && port <= 65_535; port++) {
    if (!taken.includes(port) && (await isFree(host, port))) return port;
    if (wanted.isStrict) throw busy(host, port, what);
  }
  throw busy(host, wanted.port, what);
}

function busy(host: string, port: number, what: string): UserError {
  const holder = holderOf(port);
  const by = holder === undefined ? "" : ` by ${holder}`;
  return new UserError("PORT_BUSY", `port ${port} on ${host}, asked for as ${what}, is taken${by}`, {
    hint: "choose another port, or 0 for any free one",
  });
}

async function isFree(host: string, port: number): Promise<boolean> {
  try {
    await release(await hold(host, port));
    return true;
  } catch (error) {
    if (codeOf(error) === "EACCES") {
      throw new UserError("PORT_FORBIDDEN", `port ${port} needs more rights than this user has`, {
        hint: "choose a port above 1023",
        cause: error,
      });
    }
    return false;
  }
}

function hold(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port }, () => resolve(server));
  });
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** `nginx (pid 4711)`; undefined where the system does not tell. */
export function holderOf(port: number): string | undefined {
  const inode = listeningInode(port);
  if (inode === undefined) return undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const isHolder = readdirSync(`/proc/${pid}/fd`).some(
        (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`,
      );
      if (isHolder) return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (pid ${pid})`;
    } catch {
      // Another user's process, or one that ended meanwhile.
    }
  }
  return undefined;
}

/** Of the socket that listens on `port`, from /proc/net/tcp and tcp6: state 0A is LISTEN. */
function listeningInode(port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    try {
      for (const line of readFileSync(file, "utf8").split("\n").slice(1)) {
        const fields = line.trim().split(/\s+/);
        if (fields[1]?.endsWith(suffix) && fields[3] === "0A") return fields[9];
      }
    } catch {
      // Not Linux, or no IPv6.
    }
  }
  return undefined;
}
