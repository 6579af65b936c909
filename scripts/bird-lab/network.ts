/**
 * Routers, cables and daemons of the lab: a namespace and a BIRD for each router, a veth pair for each link. Names carry
 * the pid of the run, so that runs do not meet; what a killed run left behind is swept by the next one. Daemons die with
 * this process (`setpriv --pdeathsig`).
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "#core/host/clock.ts";
import { addressOf, birdConfig, interfaceOf, type SiteAnnouncement } from "./bird-config.ts";
import { RouterLogs } from "./logs.ts";
import { PREFIX, type LabLink, type LabRouter, type LabTopology } from "./topology.ts";

const NAMES_DIR = "/run/netns";
const NAME = /^anycastle-birdlab-(\d+)-/;
const COMMAND_MS_MAX = 10_000;
const ANSWER_MS_MAX = 5_000;
const LOOK_MS = 20;
const BIRD_PATHS = ["/usr/sbin/bird", "/usr/local/sbin/bird", "/usr/bin/bird"];
/** The last line of an answer on BIRD's control socket begins with four digits and a space. */
const ANSWER_END = /^\d{4} /m;

/** Undefined: this machine can run the lab. */
export function whyNoLab(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "namespaces need root";
  if (birdPath() === undefined) return "no bird (on Debian: apt-get install bird2)";
  for (const program of ["ip", "nsenter", "setpriv"]) {
    try {
      execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    } catch {
      return `no ${program} (on Debian: apt-get install iproute2 util-linux)`;
    }
  }
  const probe = `anycastle-birdlab-${process.pid}-probe`;
  try {
    ip("netns", "add", probe);
    ip("netns", "del", probe);
    return undefined;
  } catch (error) {
    return `no network namespaces here: ${String(error).split("\n")[0]}`;
  }
}

function birdPath(): string | undefined {
  return BIRD_PATHS.find((path) => existsSync(path));
}

export class Network {
  readonly topology: LabTopology;
  readonly logs: RouterLogs;
  readonly #dir = mkdtempSync(join(tmpdir(), `anycastle-birdlab-${process.pid}-`));
  readonly #daemons = new Map<number, ChildProcess>();
  readonly #announcements = new Map<number, SiteAnnouncement>();

  constructor(topology: LabTopology) {
    this.topology = topology;
    this.logs = new RouterLogs(new Map(topology.routers.map(({ name }) => [name, this.#file(name, "log")])));
    sweep();
    for (const { name } of topology.routers) {
      ip("netns", "add", this.#netns(name));
      ip("-n", this.#netns(name), "link", "set", "lo", "up");
    }
    for (const link of topology.links) this.#lay(link);
    for (const { vertex, prepends } of topology.sites) {
      this.#announcements.set(vertex, { prepends, isGraceful: false });
    }
  }

  /** Starts the BIRD of a router; resolves when it answers. */
  async start(router: LabRouter): Promise<void> {
    this.#write(router);
    const { name, vertex } = router;
    rmSync(this.#file(name, "ctl"), { force: true });
    const words = [
      `--net=${NAMES_DIR}/${this.#netns(name)}`,
      birdPath()!,
      "-f",
      "-c",
      this.#file(name, "conf"),
      "-s",
      this.#file(name, "ctl"),
    ];
    const daemon = spawn("setpriv", ["--pdeathsig", "KILL", "nsenter", ...words], { stdio: "ignore" });
    this.#daemons.set(vertex, daemon);
    await until(`${name} to answer`, async () => {
      if (daemon.exitCode !== null) throw new Error(`BIRD of ${name} ended: ${this.#log(name).slice(-400)}`);
      return (
        existsSync(this.#file(name, "ctl")) && (await this.ask(router, "show status").catch(() => "")) !== ""
      );
    });
  }

  /** To the process of the daemon itself: it is what `setpriv` became. */
  signal({ vertex }: LabRouter, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#daemons.get(vertex)!.kill(signal);
  }

  /** A site announces otherwise from now on. */
  async announce(router: LabRouter, announcement: SiteAnnouncement): Promise<void> {
    this.#announcements.set(router.vertex, announcement);
    this.#write(router);
    await this.ask(router, "configure");
  }

  setLink(link: LabLink, state: "up" | "down"): void {
    const { name } = this.topology.routers[link.a]!;
    ip("-n", this.#netns(name), "link", "set", interfaceOf(link), state);
  }

  /** Answer of the daemon on its control socket, without codes. Throws when it does not answer in time. */
  ask({ name }: LabRouter, command: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = connect(this.#file(name, "ctl"));
    let text = "";
    let isAsked = false;
    socket
      .setEncoding("utf8")
      .setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error(`${name} does not answer`)));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`${name} closed its control socket`)));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = ANSWER_END.exec(text);
      if (end === null || !text.slice(end.index).includes("\n")) return;
      if (!isAsked) {
        // It has greeted.
        isAsked = true;
        text = "";
        socket.write(`${command}\n`);
        return;
      }
      socket.removeAllListeners("close").destroy();
      resolve(text);
    });
    return promise;
  }

  /** AS path of the best route as it was heard, `64621 64500`; empty: its own; undefined: none. */
  async bestPath(router: LabRouter): Promise<string | undefined> {
    const text = await this.ask(router, `show route all primary for ${PREFIX}`);
    if (!text.includes(PREFIX)) return undefined;
    return /BGP\.as_path: ?([\d ]*)/.exec(text)?.[1]?.trim() ?? "";
  }

  close(): void {
    for (const daemon of this.#daemons.values()) {
      daemon.kill("SIGCONT");
      daemon.kill("SIGKILL");
    }
    for (const { name } of this.topology.routers) remove(this.#netns(name));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #write(router: LabRouter): void {
    const announcement = this.#announcements.get(router.vertex) ?? { prepends: 0, isGraceful: false };
    const text = birdConfig(this.topology, router, announcement, this.#file(router.name, "log"));
    writeFileSync(this.#file(router.name, "conf"), text);
  }

  #lay(link: LabLink): void {
    const [a, b] = [this.topology.routers[link.a]!, this.topology.routers[link.b]!];
    const dev = interfaceOf(link);
    ip(
      "link",
      "add",
      dev,
      "netns",
      this.#netns(a.name),
      "type",
      "veth",
      "peer",
      "name",
      dev,
      "netns",
      this.#netns(b.name),
    );
    for (const { name, vertex } of [a, b]) {
      ip("-n", this.#netns(name), "addr", "add", `${addressOf(link, vertex)}/30`, "dev", dev);
      ip("-n", this.#netns(name), "link", "set", dev, "up");
    }
  }

  #log(name: string): string {
    const file = this.#file(name, "log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  #file(name: string, kind: string): string {
    return join(this.#dir, `${name}.${kind}`);
  }

  #netns(name: string): string {
    return `anycastle-birdlab-${process.pid}-${name}`;
  }
}

/** Looks again and again until it is so. */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  timeoutMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs / 1000} s for ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Namespaces and files of runs that are no more. */
function sweep(): void {
  for (const name of leftIn(NAMES_DIR)) remove(name);
  for (const name of leftIn(tmpdir())) rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

function leftIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => {
    const pid = NAME.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
}

function remove(name: string): void {
  try {
    for (const pid of ip("netns", "pids", name).split("\n").filter(Boolean))
      process.kill(Number(pid), "SIGKILL");
  } catch {
    // They have ended, or the namespace was never made.
  }
  try {
    ip("netns", "del", name);
  } catch {
    // As above.
  }
}

function ip(...words: string[]): string {
  return execFileSync("ip", words, {
    encoding: "utf8",
    timeout: COMMAND_MS_MAX,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
