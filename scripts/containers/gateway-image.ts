/** The image that has the gateway only: run before an upstream as its users would, asked, and stopped while a request is open. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { attempt, succeed, type CommandOptions } from "./command.ts";
import { must } from "./steps.ts";

const HEALTHY_MS_MAX = 30_000;
const POLL_MS = 200;
const ASKED = 200;
const SLOW_MS = 2_000;
const STOP_S = 15;
const UPSTREAM_PORT = 9000;
const UPSTREAM = `http.createServer((request, response) =>
  setTimeout(() => response.end("ok"), request.url === "/slow" ? ${SLOW_MS} : 0)).listen(${UPSTREAM_PORT}, "127.0.0.1")`;
const CONFIG = `listen: 0.0.0.0:8080
sites:
  - id: here
    nodes: [{ id: here-1, url: "http://127.0.0.1:${UPSTREAM_PORT}" }]
`;
const PATHS = "LICENSE,NOTICE,bin,cli,core,gateway,node_modules,package.json";

export interface GatewayRun {
  /** Of the image with the gateway only, and of the whole product, which lends its Node to the upstream. */
  readonly images: { readonly gateway: string; readonly product: string };
  /** Of the two containers. */
  readonly prefix: string;
  readonly directory: string;
  readonly options: CommandOptions;
}

/** Resolves with what was seen; the containers are gone then, however it ends. */
export async function runGatewayImage(run: GatewayRun): Promise<string> {
  const names = { upstream: `${run.prefix}-upstream`, gateway: `${run.prefix}-gateway` };
  const docker = (...args: string[]): Promise<string> => succeed(["docker", ...args], run.options);
  try {
    await judgeContents(docker, run.images.gateway);
    await startBoth(docker, run, names);
    await untilHealthy(docker, names.gateway);
    const ask = (path: string, times: number): Promise<string> =>
      docker("exec", names.gateway, "node", "--input-type=module", "--eval", asking(path, times));
    const answered = await ask("/", ASKED);
    must(answered === `200 ok x ${ASKED}`, `it answered ${answered}`);
    const status = 'fs.readFileSync("/proc/1/status", "utf8").match(/VmRSS:\\s+(\\d+)/)[1]';
    const rssKb = Number(await docker("exec", names.gateway, "node", "--print", status));
    // What is open when the engine says SIGTERM is finished.
    const slow = ask("/slow", 1);
    await sleep(SLOW_MS / 2);
    await docker("stop", "--time", String(STOP_S), names.gateway);
    must((await slow) === "200 ok x 1", `what was open was answered ${await slow}`);
    const code = await docker("inspect", "--format", "{{.State.ExitCode}}", names.gateway);
    must(code === "143", `it ended with ${code}, not 143`);
    const size = Number(await docker("image", "inspect", "--format", "{{.Size}}", run.images.gateway));
    return `${Math.round(size / 1e6)} MB, RSS ${Math.round(rssKb / 1024)} MB after ${ASKED} requests, drained on SIGTERM`;
  } finally {
    await attempt(["docker", "rm", "--force", ...Object.values(names)], run.options);
  }
}

type Docker = (...args: string[]) => Promise<string>;

async function judgeContents(docker: Docker, image: string): Promise<void> {
  const listing = ["--entrypoint", "node", image, "--print", "fs.readdirSync('/app').sort().join()"];
  const paths = await docker("run", "--rm", "--network", "none", ...listing);
  must(paths === PATHS, `in the image are ${paths}`);
  const user = await docker("image", "inspect", "--format", "{{.Config.User}}", image);
  must(/^[1-9]\d*:[1-9]\d*$/.test(user), `the user is "${user}"`);
  const help = await docker("run", "--rm", "--network", "none", "--read-only", image, "--help");
  must(/^ {2}gateway /m.test(help) && !help.includes("demo"), `its help is ${help}`);
}

/** One network namespace for both, so that nothing is published and no name is asked for. */
async function startBoth(
  docker: Docker,
  { images, directory }: GatewayRun,
  names: { readonly upstream: string; readonly gateway: string },
): Promise<void> {
  const file = join(directory, "gateway.yaml");
  writeFileSync(file, CONFIG);
  const upstream = ["--entrypoint", "node", images.product, "--eval", UPSTREAM];
  await docker("run", "--detach", "--no-healthcheck", "--name", names.upstream, ...upstream);
  const strict = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"];
  const joined = ["--network", `container:${names.upstream}`, "--health-interval", "1s"];
  const mounted = ["--volume", `${file}:/etc/anycastle/anycastle.yaml:ro`];
  await docker("run", "--detach", "--name", names.gateway, ...strict, ...joined, ...mounted, images.gateway);
}

/** By the image's own health check. */
async function untilHealthy(docker: Docker, name: string): Promise<void> {
  const untilMs = Date.now() + HEALTHY_MS_MAX;
  for (;;) {
    const state = await docker("inspect", "--format", "{{.State.Health.Status}} {{.State.Status}}", name);
    if (state === "healthy running") return;
    const isOver = Date.now() > untilMs || !state.endsWith("running");
    must(!isOver, `it is ${state}: ${isOver ? await docker("logs", name) : ""}`);
    await sleep(POLL_MS);
  }
}

function asking(path: string, times: number): string {
  return `let answers = new Set();
    for (let count = 0; count < ${times}; count++) {
      const answer = await fetch("http://127.0.0.1:8080${path}");
      answers.add(answer.status + " " + (await answer.text()));
    }
    console.log([...answers].join() + " x ${times}")`;
}
