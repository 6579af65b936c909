/** The cast of docker-compose.yml under one project name: brought up, broken, asked and taken down. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadResult, SpeedTest } from "#core/wire/measure.ts";
import type { PageSnapshot } from "#core/wire/page.ts";
import { attempt, succeed, type CommandOptions } from "./command.ts";
import { composeCommand, type Engine } from "./engine.ts";
import { must } from "./steps.ts";

const COMMAND_MS_MAX = 30_000;
const UP_MS_MAX = 120_000;
const HEALTHY_MS_MAX = 120_000;
const DOWN_MS_MAX = 90_000;
const POLL_MS = 250;
export const GATEWAY_URL = "http://127.0.0.1:8080";
const PAGE_URL = "http://127.0.0.1:8081";
const SIM_STATUS_URL = "http://127.0.0.1:8083/v1/status";
const CONTAINERS = 21;

export class ContainerCast {
  readonly #engine: Engine;
  readonly #project: string;
  readonly #root: string;
  readonly #compose: readonly string[];
  readonly #options: CommandOptions;

  static async open(engine: Engine, root: string, project: string, image: string): Promise<ContainerCast> {
    const compose = await composeCommand(engine.env);
    must(compose !== undefined, "Docker Compose has gone");
    return new ContainerCast(engine, root, project, compose, image);
  }

  private constructor(
    engine: Engine,
    root: string,
    project: string,
    compose: readonly string[],
    image: string,
  ) {
    this.#engine = engine;
    this.#root = root;
    this.#project = project;
    this.#compose = [...compose, "--project-name", project];
    this.#options = { timeoutMs: COMMAND_MS_MAX, cwd: root, env: { ...engine.env, ANYCASTLE_IMAGE: image } };
  }

  async up(): Promise<void> {
    const up = [...this.#compose, "up", "--detach", "--no-build"];
    await succeed(up, { ...this.#options, timeoutMs: UP_MS_MAX });
  }

  /** Resolves when all containers say that they are healthy. */
  async allHealthy(): Promise<string> {
    return await this.#until(HEALTHY_MS_MAX, async () => {
      const format = "{{.Names}} {{.Status}}";
      const list = ["docker", "ps", "--all", "--filter", this.#label(), "--format", format];
      const lines = (await succeed(list, this.#options)).split("\n");
      const healthy = lines.filter((line) => line.includes("(healthy)"));
      if (healthy.length === CONTAINERS && lines.length === CONTAINERS) return `${CONTAINERS} containers`;
      throw new Error(`not healthy: ${lines.filter((line) => !healthy.includes(line)).join("; ")}`);
    });
  }

  /** `docker kill|stop|start|pause|unpause` of the containers of these services. */
  async docker(
    verb: "kill" | "stop" | "start" | "pause" | "unpause",
    services: readonly string[],
  ): Promise<void> {
    await succeed(["docker", verb, ...(await this.#ids(services))], this.#options);
  }

  /** Status a stopped container ended with. */
  async exitCodes(services: readonly string[]): Promise<string[]> {
    const inspect = ["docker", "inspect", "--format", "{{.State.ExitCode}}", ...(await this.#ids(services))];
    return (await succeed(inspect, this.#options)).split("\n");
  }

  /** A speed test through the published port. */
  async speedTest(...more: readonly string[]): Promise<SpeedTest> {
    const { stdout, stderr } = await attempt(
      this.anycastle("test", "--url", GATEWAY_URL, "--json", ...more),
      {
        ...this.#options,
      },
    );
    must(stdout.startsWith("{"), `the speed test gave no result: ${stderr}`);
    return JSON.parse(stdout) as SpeedTest;
  }

  /** Resolves when New York is served by `site` and the simulated Internet says so too. */
  async newYorkServedBy(site: string, withinMs: number): Promise<string> {
    return await this.#until(withinMs, async () => {
      const reached = await this.#reachedFrom("new-york");
      must(reached === site, `the Internet takes New York to ${reached ?? "nowhere"}`);
      const { rows } = await this.speedTest("--vantages", "new-york", "--rounds", "1");
      const { status, site: served, ttfbMs } = rows[0]!;
      must(status === 200 && served === site, `New York got ${status} from ${served ?? "nobody"}`);
      return `200 from ${site} after ${ttfbMs?.toFixed(0)} ms`;
    });
  }

  /** The golden plan from a container of the profile `load`; what it says last. */
  async k6(image: string): Promise<string> {
    const env = { ...this.#options.env, K6_IMAGE: image, K6_RATE: "50", K6_DURATION_S: "5" };
    const run = [...this.#compose, "--profile", "load", "run", "--rm", "k6"];
    const said = await succeed(run, { ...this.#options, env });
    const line = said.split("\n").find((each) => each.startsWith("golden: "));
    must(line !== undefined, `k6 told no result: ${said.slice(-500)}`);
    return line;
  }

  /** The page and its files are served, and what it tells of the cast is whole; nothing may be ordered. */
  async pageAnswers(withinMs: number): Promise<string> {
    return await this.#until(withinMs, async () => {
      const document = await this.#get(`${PAGE_URL}/`);
      must(document.includes("/page.js"), "what is served at / is not the page");
      const { status, events } = await this.#pageSnapshot();
      const { isReady, feed, sites } = status;
      must(
        isReady && feed === "live" && sites.every(({ isAnnounced }) => isAnnounced),
        "it shows no whole cast",
      );
      const rows = events.filter(({ kind }) => kind === "test.row");
      must(rows.length > 0, "it has measured nothing yet");
      return `${sites.length} sites announced, ${rows.length} cities measured`;
    });
  }

  /** The page tells that New York's site is announced, or is not, and that this happened while it watched. */
  async pageTells(kind: "site.withdrawn" | "site.announced", withinMs: number): Promise<string> {
    return await this.#until(withinMs, async () => {
      const { status, events } = await this.#pageSnapshot();
      const isAnnounced = status.sites.find(({ site }) => site === "ny1")?.isAnnounced;
      must(
        isAnnounced === (kind === "site.announced"),
        `the page shows ny1 ${isAnnounced ? "" : "not "}announced`,
      );
      const told = events.findLast(
        (event) => event.kind.startsWith("site.") && "site" in event && event.site === "ny1",
      );
      must(told?.kind === kind, `the page's last word of ny1 is ${told?.kind ?? "none"}`);
      return `the page tells ${kind}`;
    });
  }

  async down(): Promise<void> {
    const down = [...this.#compose, "down", "--volumes", "--timeout", "20"];
    await succeed(down, { ...this.#options, timeoutMs: DOWN_MS_MAX });
  }

  /** Sentences about containers and networks of the project that are still there. */
  async leftovers(): Promise<string[]> {
    const containers = ["docker", "ps", "--all", "--quiet", "--filter", this.#label()];
    const networks = ["docker", "network", "ls", "--quiet", "--filter", this.#label()];
    const left: string[] = [];
    if ((await succeed(containers, this.#options)) !== "") left.push("containers are left");
    if ((await succeed(networks, this.#options)) !== "") left.push("a network is left");
    return left;
  }

  /** What the containers said last, for a failure. */
  async lastWords(): Promise<string> {
    const logs = [...this.#compose, "logs", "--no-color", "--tail", "8"];
    const { stdout, stderr } = await attempt(logs, this.#options);
    return `${stdout}${stderr}`.trim();
  }

  /** This checkout's command line, where it reaches the published ports. */
  anycastle(...args: readonly string[]): string[] {
    return this.#engine.reaching([process.execPath, `${this.#root}/bin/anycastle.js`, ...args]);
  }

  async #reachedFrom(vantage: string): Promise<string | null> {
    const { vantages } = JSON.parse(await this.#get(SIM_STATUS_URL)) as {
      vantages: { vantage: string; site: string | null }[];
    };
    return vantages.find((one) => one.vantage === vantage)?.site ?? null;
  }

  /** The text at a URL, from where the ports are published: this process may stand in another network namespace. */
  async #get(url: string): Promise<string> {
    const script = `fetch("${url}").then((r) => r.text()).then((t) => process.stdout.write(t))`;
    return await succeed(this.#engine.reaching([process.execPath, "--eval", script]), this.#options);
  }

  /** What a page gets first: the stream is left after it. */
  async #pageSnapshot(): Promise<PageSnapshot> {
    const script = `
      const response = await fetch("${PAGE_URL}/api/v1/stream");
      let text = "";
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const snapshot = /^event: snapshot\\ndata: (.*)\\n\\n/m.exec(text);
        if (snapshot === null) continue;
        process.stdout.write(snapshot[1], () => process.exit(0));
        break;
      }`;
    const ask = this.#engine.reaching([process.execPath, "--input-type=module", "--eval", script]);
    return JSON.parse(await succeed(ask, this.#options)) as PageSnapshot;
  }

  async #ids(services: readonly string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const service of services) {
      const filter = ["--filter", this.#label(), "--filter", `label=com.docker.compose.service=${service}`];
      const id = await succeed(["docker", "ps", "--all", "--quiet", ...filter], this.#options);
      must(/^[0-9a-f]+$/.test(id), `service ${service} has not exactly one container: "${id}"`);
      ids.push(id);
    }
    return ids;
  }

  /** Repeats `look` until it holds; its last refusal is the error. */
  async #until(withinMs: number, look: () => Promise<string>): Promise<string> {
    const untilMs = Date.now() + withinMs;
    for (;;) {
      try {
        return await look();
      } catch (error) {
        if (Date.now() >= untilMs) throw error;
      }
      await sleep(POLL_MS);
    }
  }

  #label(): string {
    return `label=com.docker.compose.project=${this.#project}`;
  }
}

/** GET requests that failed, and all that were sent. */
export function lossesOf(result: LoadResult): { sentGet: number; failedGet: number } {
  const get = result.methods?.find(({ method }) => method === "GET");
  return { sentGet: get?.sent ?? result.sent, failedGet: get?.failed ?? result.failedTotal };
}
