/**
 * A Docker engine for the container run: the one that is there, or one of our own from Debian's `docker.io`, without
 * systemd and without touching the machine's network.
 *
 * The own engine has two lives on one image store. First it only builds: in the machine's network, with no bridge and
 * no packet filter of its own, so that `npm ci` reaches its registry as the machine does. Then it runs containers in a
 * network namespace of its own, where its bridges, rules and published ports meet nobody's. `nsenter` and not
 * `ip netns exec`, which would hide the control groups from the engine.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentValue } from "#core/host/environment.ts";
import { attempt, succeed } from "./command.ts";

const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;
const POLL_MS = 100;
const COMMAND_MS_MAX = 30_000;
/** What an own engine needs, and the Debian package that has it. */
const TOOLS: Readonly<Record<string, string>> = {
  dockerd: "docker.io",
  docker: "docker.io",
  nsenter: "util-linux",
  ip: "iproute2",
  iptables: "iptables",
  tar: "tar",
  ldd: "libc-bin",
};

/**
 * Each container weighs as much as a process of the machine. Below one group of the engine's, all twenty together
 * would, and on a busy machine none of them would be in time for anything.
 */
const FAIR_SHARE = ["--exec-opt=native.cgroupdriver=cgroupfs", "--cgroup-parent=/"];

export interface Engine {
  readonly isOwn: boolean;
  /** For every command that talks to it. */
  readonly env: Readonly<Record<string, string>>;
  /** Ready to run containers on bridges; before that it may build only. */
  startRunning(): Promise<void>;
  /** A command as it must be started to reach published ports. */
  reaching(command: readonly string[]): string[];
  /** Ends an own engine with all it has on disk; sentences about what is left. */
  close(): Promise<string[]>;
}

/** A sentence that says why there can be none, or the engine. */
export async function openEngine(): Promise<Engine | string> {
  if (process.platform !== "linux") return "containers are run on Linux only";
  const compose = await composeCommand({});
  if (compose === undefined) return "there is no Docker Compose (Debian: docker-compose)";
  const info = await attempt(["docker", "info"], { timeoutMs: COMMAND_MS_MAX });
  if (info.status === 0) return EXISTING;
  if (process.getuid?.() !== 0) return "no Docker engine answers, and only root can start one";
  const missing = [];
  for (const [tool, debian] of Object.entries(TOOLS)) {
    const { status } = await attempt(["sh", "-c", `command -v ${tool}`], { timeoutMs: COMMAND_MS_MAX });
    if (status !== 0) missing.push(`${tool} (${debian})`);
  }
  if (missing.length > 0)
    return `no Docker engine answers, and to start one there is no ${missing.join(", ")}`;
  const engine = new OwnEngine();
  try {
    await engine.startBuilding();
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** `docker compose` or `docker-compose`, whichever there is. */
export async function composeCommand(env: Readonly<Record<string, string>>): Promise<string[] | undefined> {
  for (const command of [["docker", "compose"], ["docker-compose"]]) {
    const { status } = await attempt([...command, "version"], { timeoutMs: COMMAND_MS_MAX, env });
    if (status === 0) return command;
  }
  return undefined;
}

const EXISTING: Engine = {
  isOwn: false,
  env: {},
  startRunning: async () => undefined,
  reaching: (command) => [...command],
  close: async () => [],
};

class OwnEngine implements Engine {
  readonly isOwn = true;
  readonly env;
  readonly #directory = mkdtempSync(join(tmpdir(), "anycastle-engine-"));
  readonly #namespace = `anycastle-${process.pid}`;
  #daemon: ChildProcess | undefined;
  #hasNamespace = false;

  constructor() {
    // Debian's client has no BuildKit of its own; the classic builder is there with every engine.
    const builder = environmentValue("DOCKER_BUILDKIT") ?? "0";
    this.env = { DOCKER_HOST: `unix://${join(this.#directory, "docker.sock")}`, DOCKER_BUILDKIT: builder };
  }

  async startBuilding(): Promise<void> {
    const closed = [
      "--bridge=none",
      "--iptables=false",
      "--ip6tables=false",
      "--ip-forward=false",
      "--ip-masq=false",
    ];
    await this.#start([], closed);
  }

  async startRunning(): Promise<void> {
    await this.#stop();
    await succeed(["ip", "netns", "add", this.#namespace], { timeoutMs: COMMAND_MS_MAX });
    this.#hasNamespace = true;
    await succeed(["ip", "-n", this.#namespace, "link", "set", "lo", "up"], { timeoutMs: COMMAND_MS_MAX });
    const ranges = ["--bip", "198.18.255.1/24", "--default-address-pool", "base=198.19.0.0/16,size=24"];
    await this.#start(this.reaching([]), ranges);
  }

  reaching(command: readonly string[]): string[] {
    return ["nsenter", `--net=/run/netns/${this.#namespace}`, ...command];
  }

  async close(): Promise<string[]> {
    await this.#stop();
    if (this.#hasNamespace) {
      await attempt(["ip", "netns", "del", this.#namespace], { timeoutMs: COMMAND_MS_MAX });
    }
    for (const mount of this.#mounts()) await attempt(["umount", mount], { timeoutMs: COMMAND_MS_MAX });
    if (this.#mounts().length === 0) rmSync(this.#directory, { recursive: true, force: true });
    const left = this.#mounts().map((mount) => `${mount} is still mounted`);
    if (existsSync(this.#directory)) left.push(`${this.#directory} is still there`);
    if (existsSync(`/run/netns/${this.#namespace}`)) left.push(`namespace ${this.#namespace} is still there`);
    const { stdout } = await attempt(["pgrep", "-af", this.#directory], { timeoutMs: COMMAND_MS_MAX });
    if (stdout.trim() !== "") left.push(`processes are left: ${stdout.trim()}`);
    return left;
  }

  async #start(prefix: readonly string[], network: readonly string[]): Promise<void> {
    const at = (name: string): string => join(this.#directory, name);
    const [program, ...args] = [
      ...prefix,
      "dockerd",
      `--data-root=${at("data")}`,
      `--exec-root=${at("exec")}`,
      `--pidfile=${at("dockerd.pid")}`,
      `--host=${this.env.DOCKER_HOST}`,
      ...FAIR_SHARE,
      ...network,
    ];
    const log = openSync(at("dockerd.log"), "a");
    // A process group of its own: a Ctrl-C of the terminal must not end it before its containers are gone.
    this.#daemon = spawn(program!, args, { stdio: ["ignore", log, log], detached: true });
    this.#daemon.on("error", () => undefined);
    closeSync(log);
    const untilMs = Date.now() + READY_MS_MAX;
    while (Date.now() < untilMs && this.#daemon.exitCode === null) {
      const { status } = await attempt(["docker", "version"], { timeoutMs: COMMAND_MS_MAX, env: this.env });
      if (status === 0) return;
      await sleep(POLL_MS);
    }
    const said = readFileSync(at("dockerd.log"), "utf8").trim().split("\n").slice(-8).join("\n");
    throw new Error(`dockerd did not become ready:\n${said}`);
  }

  async #stop(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
    daemon.kill("SIGTERM");
    const killer = setTimeout(() => daemon.kill("SIGKILL"), STOP_MS_MAX);
    await gone;
    clearTimeout(killer);
  }

  #mounts(): string[] {
    return readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .filter((path) => path.startsWith(`${this.#directory}/`))
      .toSorted()
      .toReversed();
  }
}
