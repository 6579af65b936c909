/**
 * Two network namespaces with one cable between them: a router's side (198.51.100.1) and a node's (198.51.100.2), so
 * that real ports, real addresses and a link that can be cut stand where the embedded lab has loopback.
 *
 * A namespace carries the pid of the run that made it. What a killed run left behind is swept by the next one.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { onTestFinished } from "vitest";

export const ROUTER_ADDRESS = "198.51.100.1";
export const NODE_ADDRESS = "198.51.100.2";

const NAME = /^anycastle-(\d+)-\d+-(?:router|node)$/;
const NAMES_DIR = "/run/netns";
/** A hardware address that nobody has: frames to it are carried and dropped, which is what silence looks like. */
const NOBODY = "02:00:00:00:de:ad";
const COMMAND_MS_MAX = 10_000;

let count = 0;

export type Side = "router" | "node";

const ADDRESSES: Readonly<Record<Side, string>> = { router: ROUTER_ADDRESS, node: NODE_ADDRESS };
const OTHER: Readonly<Record<Side, Side>> = { router: "node", node: "router" };

export class Link {
  readonly #prefix: string;

  /** Gone when the test is over, with every process that is still in it. */
  static open(): Link {
    sweep();
    const link = new Link(`anycastle-${process.pid}-${++count}`);
    onTestFinished(() => link.#close());
    link.#build();
    return link;
  }

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Words to put before a command that is to run on that side. */
  enter(side: Side): readonly string[] {
    return ["nsenter", `--net=${NAMES_DIR}/${this.#name(side)}`];
  }

  /** Both directions go silent; no interface goes down and nobody is told. */
  silence(): void {
    for (const side of ["router", "node"] as const) {
      const neighbour = ["neigh", "replace", ADDRESSES[OTHER[side]], "lladdr", NOBODY];
      ip("-n", this.#name(side), ...neighbour, "nud", "permanent", "dev", "cable");
    }
  }

  /** Undoes `silence`. */
  heal(): void {
    for (const side of ["router", "node"] as const) {
      ip("-n", this.#name(side), "neigh", "del", ADDRESSES[OTHER[side]], "dev", "cable");
    }
  }

  /** The cable is pulled out of the router, which notices at once. */
  pull(): void {
    ip("-n", this.#name("router"), "link", "set", "cable", "down");
  }

  /** Takes the node's own loopback away, or gives it back: its readiness check has nobody to ask. */
  setLoopback(state: "up" | "down"): void {
    ip("-n", this.#name("node"), "link", "set", "lo", state);
  }

  #name(side: Side): string {
    return `${this.#prefix}-${side}`;
  }

  #build(): void {
    const [router, node] = [this.#name("router"), this.#name("node")];
    ip("netns", "add", router);
    ip("netns", "add", node);
    ip("link", "add", "cable", "netns", router, "type", "veth", "peer", "name", "cable", "netns", node);
    for (const side of ["router", "node"] as const) {
      ip("-n", this.#name(side), "addr", "add", `${ADDRESSES[side]}/30`, "dev", "cable");
      ip("-n", this.#name(side), "link", "set", "lo", "up");
      ip("-n", this.#name(side), "link", "set", "cable", "up");
    }
  }

  #close(): void {
    for (const side of ["router", "node"] as const) remove(this.#name(side));
  }
}

/** Undefined: this machine lets us make namespaces with a cable between them. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "needs root";
  const probe = `anycastle-${process.pid}-0-router`;
  try {
    ip("netns", "add", probe);
    ip("-n", probe, "link", "add", "cable", "type", "veth", "peer", "name", "other");
    return undefined;
  } catch (error) {
    return `no network namespaces here: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  } finally {
    if (existsSync(`${NAMES_DIR}/${probe}`)) remove(probe);
  }
}

function sweep(): void {
  if (!existsSync(NAMES_DIR)) return;
  for (const name of readdirSync(NAMES_DIR)) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      remove(name);
    } catch {
      // Another worker of this run was faster.
    }
  }
}

function remove(name: string): void {
  for (const pid of ip("netns", "pids", name).split("\n").filter(Boolean)) endProcess(Number(pid));
  ip("netns", "del", name);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}

function ip(...words: string[]): string {
  return execFileSync("ip", words, {
    encoding: "utf8",
    timeout: COMMAND_MS_MAX,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
