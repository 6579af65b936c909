/**
 * `npm run drill:churn`: two million requests while nodes die, come back, are replaced and renamed, and what the gateway has
 * kept of them.
 *
 *   --requests N   in all (2000000)             --from N      the first look at its memory (200000)
 *   --seed N       which nodes (1)              --json FILE   everything
 *   --quick        14000 requests, first look after 4000, memory shown and not judged
 *
 * The load is a closed loop (`churn-load.ts`): here requests are counted, not timed. Meanwhile, in turn, a node is killed with
 * SIGKILL and started again, and a configuration comes into force that leaves another node out and calls one by a name
 * that was never heard before, as a scaled group of servers does. At both looks the load rests and every node is dead, so that
 * what is still held is held for nobody. Ends with `N passed, N failed` alone on the last line: no GET lost, no POST executed twice, every
 * reload told, no descriptor and nothing in the event loop left over, memory at the end at most 1.1 x that of the first look.
 * Exit status: 0 held, 1 not, 2 usage.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { every, nowMs, sleep } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import { freePort, type BenchProcess } from "../processes.ts";
import { ForeignLoad } from "../foreign-load.ts";
import { median } from "../results.ts";
import { heldAtRest, leaksBetween, type Held } from "./at-rest.ts";
import type { ChurnCounts } from "./churn-load.ts";
import { DrillNodes, type DrillNode } from "./drill-nodes.ts";
import { bound } from "./kill-report.ts";
import { LiveGateway } from "./live-gateway.ts";
import { startTelling } from "./telling-process.ts";
import { wholeNumber } from "./whole-number.ts";
import { withinDrill } from "./within-drill.ts";

const LOAD = fileURLToPath(new URL("./churn-load.ts", import.meta.url));
const NODES = 6;
const CONNECTIONS = 48;
const DEAD_MS = 300;
const BETWEEN_MS = 150;
const LOOK_MS = 50;
const REST_MS_MAX = 20_000;
const HEALTHY_MS_MAX = 30_000;
const SAMPLE_MS = 100;
/** Memory at a look is the median of the last so many samples: the collector's teeth are seconds long. */
const SAMPLES = 50;
const POINTS = 10;
const RSS_RATIO_MAX = 1.1;
/** Checks come and go; the least of ten looks has been the same before and after whenever nothing leaked. */
const HELD_SLACK = 2;
const QUICK = { from: 4_000, requests: 14_000 };
const FULL = { from: 200_000, requests: 2_000_000 };

interface Look {
  readonly requests: number;
  readonly rssKb: number;
  readonly held: Held;
}

interface Done {
  kills: number;
  reloads: number;
  untold: number;
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags === undefined) return 2;
  const foreign = new ForeignLoad();
  let held: readonly boolean[] = [];
  await withinDrill(async (directory) => {
    const nodes = await DrillNodes.start(NODES);
    const drill = await Drill.start(directory, nodes, flags.seed);
    const startedMs = nowMs();
    await drill.churnUntil(flags.from);
    const first = await drill.look();
    await drill.churnUntil(flags.requests);
    const last = await drill.look();
    const seconds = (nowMs() - startedMs) / 1_000;
    drill.end();
    await nodes.stop();
    const { counts, done, points } = drill;
    held = report(flags, { first, last, counts, done, points, duplicated: nodes.duplicated, seconds });
  });
  foreign.cores(say);
  const failed = held.filter((is) => !is).length;
  say(`${held.length - failed} passed, ${failed} failed`);
  return failed === 0 && held.length > 0 ? 0 : 1;
}

class Drill {
  counts: ChurnCounts | undefined;
  readonly done: Done = { kills: 0, reloads: 0, untold: 0 };
  /** Memory along the way. */
  readonly points: { readonly requests: number; readonly rssKb: number }[] = [];
  readonly #directory: string;
  readonly #nodes: DrillNodes;
  readonly #gateway: LiveGateway;
  readonly #adminPort: number;
  readonly #load: BenchProcess;
  readonly #prng: Prng;
  readonly #samples: number[] = [];
  readonly #sampler;
  /** By the node's place: what it is called in the configuration. */
  readonly #ids: string[];

  static async start(directory: string, nodes: DrillNodes, seed: number): Promise<Drill> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const ids = nodes.nodes.map(({ name }) => name);
    const document = documentOf({ port, adminPort, directory, nodes: nodes.nodes, ids, without: 0 });
    const gateway = await LiveGateway.start(join(directory, "anycastle.yaml"), port, document);
    return new Drill(directory, nodes, gateway, adminPort, ids, seed);
  }

  private constructor(
    directory: string,
    nodes: DrillNodes,
    gateway: LiveGateway,
    adminPort: number,
    ids: string[],
    seed: number,
  ) {
    this.#directory = directory;
    this.#nodes = nodes;
    this.#gateway = gateway;
    this.#adminPort = adminPort;
    this.#ids = ids;
    this.#prng = new Prng(seed);
    const command = [LOAD, String(gateway.port), String(CONNECTIONS)];
    this.#load = startTelling("load", command, (told) => (this.counts = told as ChurnCounts));
    this.#sampler = every(SAMPLE_MS, () => this.#samples.push(gateway.rssKb()));
  }

  get requests(): number {
    return this.counts === undefined ? 0 : this.counts.gets + this.counts.posts;
  }

  /** Returns with every node alive. */
  async churnUntil(requests: number): Promise<void> {
    this.#load.write("run\n");
    const step = (requests - this.requests) / POINTS;
    let next = this.requests + step;
    for (let turn = 0; this.requests < requests; turn++) {
      if (turn % 2 === 0) await this.#kill();
      else await this.#reload();
      await sleep(BETWEEN_MS);
      if (this.requests < next) continue;
      next += step;
      this.points.push({ requests: this.requests, rssKb: this.#rssKb() });
    }
  }

  async look(): Promise<Look> {
    const memoryKb = this.#rssKb();
    this.#load.write("rest\n");
    for (const untilMs = nowMs() + REST_MS_MAX; (this.counts?.open ?? 1) > 0; await sleep(LOOK_MS)) {
      if (nowMs() > untilMs) throw new Error(`${this.counts?.open} connections of the load do not end`);
    }
    await Promise.all(this.#nodes.nodes.map((node) => this.#nodes.kill(node)));
    const held = await heldAtRest(`${this.#adminUrl}/metrics`);
    await Promise.all(this.#nodes.nodes.map((node) => this.#nodes.start(node)));
    await this.#untilHealthy();
    return { requests: this.requests, rssKb: memoryKb, held };
  }

  /** Every node of the configuration takes traffic again. */
  async #untilHealthy(): Promise<void> {
    for (const untilMs = nowMs() + HEALTHY_MS_MAX; ; await sleep(LOOK_MS)) {
      const status = (await (await fetch(`${this.#adminUrl}/status`)).json()) as GatewayStatus;
      if (status.nodes.every(({ health }) => health === "healthy")) return;
      if (nowMs() > untilMs) throw new Error(`nodes do not come back: ${JSON.stringify(status.nodes)}`);
    }
  }

  get #adminUrl(): string {
    return `http://127.0.0.1:${this.#adminPort}`;
  }

  end(): void {
    this.#sampler.cancel();
    this.#load.kill();
    this.#gateway.end();
  }

  #rssKb(): number {
    return median(this.#samples.slice(-SAMPLES));
  }

  async #kill(): Promise<void> {
    const node = this.#nodes.nodes[this.#prng.integer(0, NODES - 1)]!;
    await this.#nodes.kill(node);
    this.done.kills += 1;
    await sleep(DEAD_MS);
    await this.#nodes.start(node);
  }

  async #reload(): Promise<void> {
    this.done.reloads += 1;
    const renamed = this.#prng.integer(0, NODES - 1);
    this.#ids[renamed] = `node-${renamed + 1}-${this.done.reloads}`;
    const document = documentOf({
      port: this.#gateway.port,
      adminPort: this.#adminPort,
      directory: this.#directory,
      nodes: this.#nodes.nodes,
      ids: this.#ids,
      without: this.done.reloads % NODES,
    });
    if (!(await this.#gateway.reload(document))) this.done.untold += 1;
  }
}

function documentOf(of: {
  readonly port: number;
  readonly adminPort: number;
  readonly directory: string;
  readonly nodes: readonly DrillNode[];
  readonly ids: readonly string[];
  readonly without: number;
}): object {
  const nodes = of.nodes.map(({ port }, index) => ({ id: of.ids[index], url: `http://127.0.0.1:${port}` }));
  return {
    listen: `127.0.0.1:${of.port}`,
    admin: `127.0.0.1:${of.adminPort}`,
    sites: [{ id: "drill", nodes: nodes.filter((_, index) => index !== of.without) }],
    // Nodes are back soon, so that deaths can follow each other.
    health: { kind: "tcp", unhealthyIntervalMs: 250 },
    accessLog: { file: join(of.directory, "access.log"), sampleSuccess: 0.001 },
  };
}

interface Outcome {
  readonly first: Look;
  readonly last: Look;
  readonly counts: ChurnCounts | undefined;
  readonly done: Done;
  readonly points: readonly { readonly requests: number; readonly rssKb: number }[];
  readonly duplicated: number;
  readonly seconds: number;
}

function report(flags: Flags, outcome: Outcome): readonly boolean[] {
  const { first, last, done, duplicated, points, seconds } = outcome;
  const counts = outcome.counts!;
  const { gets, failedGets, posts, failedPosts, left, reasons } = counts;
  const rate = Math.round((gets + posts) / seconds);
  say(
    `${done.kills} kills, ${done.reloads - done.untold} of ${done.reloads} reloads, ${rate} requests a second`,
  );
  say(
    `${failedGets} of ${gets} GET failed (bound ${bound(counts)}), ${failedPosts} of ${posts} POST, ${duplicated} executed twice, ${left} left by their clients`,
  );
  if (failedGets + failedPosts > 0) say(`failed: ${JSON.stringify(reasons)}`);
  say(`RSS by requests: ${points.map((each) => `${each.requests} ${mb(each.rssKb)}`).join(", ")} MB`);
  const ratio = last.rssKb / first.rssKb;
  say(
    `RSS ${mb(first.rssKb)} MB after ${first.requests}, ${mb(last.rssKb)} MB after ${last.requests}: x ${ratio.toFixed(3)}`,
  );
  const leaks = leaksBetween(first.held, last.held, HELD_SLACK);
  say(`held at rest: ${JSON.stringify(first.held)}, then ${JSON.stringify(last.held)}`);
  if (leaks.length > 0) say(`leaked: ${leaks.join("; ")}`);
  if (flags.json !== undefined) {
    const document = { schema: "anycastle.drill-churn/v1", ratio, leaks, ...outcome };
    writeFileSync(flags.json, `${JSON.stringify(document, undefined, 1)}\n`);
  }
  return [
    gets > 0 && failedGets === 0,
    duplicated === 0,
    done.kills > 0 && done.reloads > 0 && done.untold === 0,
    leaks.length === 0,
    ...(flags.isQuick ? [] : [ratio <= RSS_RATIO_MAX]),
  ];
}

function mb(kb: number): string {
  return (kb / 1_024).toFixed(0);
}

interface Flags {
  readonly requests: number;
  readonly from: number;
  readonly seed: number;
  readonly json: string | undefined;
  readonly isQuick: boolean;
}

function readFlags(): Flags | undefined {
  try {
    const { values } = parseArgs({
      options: {
        requests: { type: "string" },
        from: { type: "string" },
        seed: { type: "string" },
        json: { type: "string" },
        quick: { type: "boolean", default: false },
      },
    });
    const size = values.quick ? QUICK : FULL;
    const max = 100_000_000;
    const from = wholeNumber("from", values.from, { otherwise: size.from, min: 1_000, max });
    const requests = wholeNumber("requests", values.requests, {
      otherwise: size.requests,
      min: from + 1,
      max,
    });
    const seed = wholeNumber("seed", values.seed, { otherwise: 1, min: 0, max });
    return { requests, from, seed, json: values.json, isQuick: values.quick };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
