/**
 * The examination: each check looks at one thing, says what it found, and, if that is a problem, what to do. A check
 * that cannot look (no /proc, no such tool) says so instead of failing the others. Nothing is changed, nothing started
 * but `--version` of optional tools.
 */
import { execFile } from "node:child_process";
import { lookup } from "node:dns/promises";
import { accessSync, constants, mkdirSync, statfsSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import { BoxNoiseWatch } from "#core/host/box-noise.ts";
import { sleep } from "#core/host/clock.ts";
import { messageOf } from "#core/errors.ts";
import type { LabFile } from "#core/wire/control.ts";
import { LAB_DEFAULTS } from "#lab/lab.ts";
import { choosePort, movedNote } from "#lab/ports.ts";
import { defaultRuntimeDir, findRunningLab, prepareRuntimeDir } from "#lab/runtime-dir.ts";

export interface Finding {
  readonly name: string;
  /** `bad`: the demo will not work. `doubtful`: it will, worse. `absent`: something optional is not there. */
  readonly state: "good" | "doubtful" | "bad" | "absent";
  readonly detail: string;
  readonly hint?: string;
}

const MIB = 1024 * 1024;
/** The cast's share of memory is bounded by 0.8 GB. */
const MEMORY_MIB_MIN = 1024;
/** Reports, journal and compile cache of a few runs. */
const DISK_MIB_MIN = 200;
const CORES_MIN = 2;
/** What others may use before timings say more about them than about us. */
const FOREIGN_CORES_MAX = 0.3;
const LISTEN_MS = 400;
const TOOL_MS_MAX = 3_000;

/** Optional: what each is for. */
const TOOLS: readonly { name: string; args: readonly string[]; what: string }[] = [
  { name: "nginx", args: ["-v"], what: "compared with in benchmarks" },
  { name: "haproxy", args: ["-v"], what: "compared with in benchmarks" },
  { name: "docker", args: ["--version"], what: "the cast in containers" },
  { name: "k6", args: ["version"], what: "load scripts" },
  { name: "chromium", args: ["--version"], what: "tests of the page" },
];

export async function examine(): Promise<Finding[]> {
  const noise = new BoxNoiseWatch(process.pid);
  const [tools, localhost, ports] = await Promise.all([
    Promise.all(TOOLS.map((tool) => examineTool(tool))),
    examineLocalhost(),
    examinePorts(),
    sleep(LISTEN_MS),
  ]);
  return [
    nodeVersion(),
    runtimeDir(),
    ...ports,
    reportDir(),
    localhost,
    memory(),
    cores(),
    foreignLoad(noise),
    ...tools,
  ];
}

function nodeVersion(): Finding {
  // The launcher lets nothing older come this far; which one it found is worth knowing all the same.
  return { name: "node", state: "good", detail: `${process.versions.node} (${process.execPath})` };
}

function runtimeDir(): Finding {
  const dir = defaultRuntimeDir();
  try {
    prepareRuntimeDir(dir);
    accessSync(dir, constants.W_OK);
    return { name: "runtime directory", state: "good", detail: `${dir}, yours alone` };
  } catch (error) {
    return {
      name: "runtime directory",
      state: "bad",
      detail: messageOf(error),
      hint: "set ANYCASTLE_RUNTIME_DIR to a directory of your own",
    };
  }
}

async function examinePorts(): Promise<Finding[]> {
  const running = runningLab();
  if (running !== undefined) {
    return [
      { name: "lab", state: "good", detail: `runs already: ${running.gatewayUrl}, pid ${running.pid}` },
    ];
  }
  const { gatewayPort, controlPort, listenHost } = LAB_DEFAULTS;
  return Promise.all([
    examinePort("gateway port", listenHost, gatewayPort.port),
    examinePort("control port", listenHost, controlPort.port),
  ]);
}

/** A directory that cannot be trusted is told by its own finding. */
function runningLab(): LabFile | undefined {
  try {
    return findRunningLab(defaultRuntimeDir());
  } catch {
    return undefined;
  }
}

async function examinePort(name: string, host: string, port: number): Promise<Finding> {
  try {
    const wanted = { port, isStrict: false };
    const note = movedNote(host, wanted, `the ${name}`, await choosePort(host, wanted, `the ${name}`));
    if (note === undefined) return { name, state: "good", detail: `${port} is free` };
    return { name, state: "doubtful", detail: note };
  } catch (error) {
    return {
      name,
      state: "bad",
      detail: messageOf(error),
      hint: "choose one with --port and --control-port",
    };
  }
}

function reportDir(): Finding {
  const name = "reports, journal";
  try {
    mkdirSync("reports", { recursive: true });
    accessSync("reports", constants.W_OK);
    const { bavail, bsize } = statfsSync("reports");
    const freeMib = Math.floor((bavail * bsize) / MIB);
    const isRoomy = freeMib >= DISK_MIB_MIN;
    const detail = `./reports can be written, ${freeMib} MiB free`;
    return isRoomy
      ? { name, state: "good", detail }
      : { name, state: "doubtful", detail, hint: `runs write up to ${DISK_MIB_MIN} MiB` };
  } catch (error) {
    return { name, state: "doubtful", detail: messageOf(error), hint: "name another place with --report" };
  }
}

/** Curl and browsers know *.localhost by themselves; for other clients the system's resolver has to. */
async function examineLocalhost(): Promise<Finding> {
  const name = "*.localhost";
  try {
    await lookup("localhost", { family: 4 });
  } catch (error) {
    return {
      name,
      state: "doubtful",
      detail: `localhost does not resolve: ${messageOf(error)}`,
      hint: "add `127.0.0.1 localhost` to /etc/hosts",
    };
  }
  try {
    const { address } = await lookup("new-york.localhost", { family: 4 });
    return { name, state: "good", detail: `new-york.localhost resolves to ${address}` };
  } catch {
    return {
      name,
      state: "doubtful",
      detail: "new-york.localhost does not resolve here; curl, browsers and anycastle itself do without",
      hint: "other clients: connect to 127.0.0.1 and send `Host: new-york.localhost`",
    };
  }
}

function memory(): Finding {
  const freeMib = Math.floor(freemem() / MIB);
  const detail = `${freeMib} MiB free of ${Math.floor(totalmem() / MIB)}`;
  if (freeMib >= MEMORY_MIB_MIN) return { name: "memory", state: "good", detail };
  return {
    name: "memory",
    state: "doubtful",
    detail,
    hint: "the demo takes up to 0.8 GB; --nodes 1 takes half",
  };
}

function cores(): Finding {
  const count = availableParallelism();
  if (count >= CORES_MIN) return { name: "cores", state: "good", detail: String(count) };
  return {
    name: "cores",
    state: "doubtful",
    detail: String(count),
    hint: "timings will be those of a busy machine",
  };
}

function foreignLoad(noise: BoxNoiseWatch): Finding {
  const read = noise.read();
  const name = "other load";
  if (read === undefined) return { name, state: "absent", detail: "not known on this system" };
  const used = read.foreignCores + read.stolenCores;
  const detail = `${used.toFixed(2)} cores are busy with something else`;
  if (used <= FOREIGN_CORES_MAX) return { name, state: "good", detail };
  return { name, state: "doubtful", detail, hint: "runs under such load are likely to be void" };
}

function examineTool({ name, args, what }: (typeof TOOLS)[number]): Promise<Finding> {
  return new Promise((resolve) => {
    execFile(name, [...args], { timeout: TOOL_MS_MAX }, (error, stdout, stderr) => {
      const said = `${stdout}${stderr}`.trim().split("\n")[0] ?? "";
      if (error === null) resolve({ name, state: "good", detail: `${said} (optional: ${what})` });
      else resolve({ name, state: "absent", detail: `not here (optional: ${what})` });
    });
  });
}
