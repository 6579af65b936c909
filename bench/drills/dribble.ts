/**
 * `npm run drill:dribble`: what clients that send one byte a second cost the gateway and everybody else, beside nginx and HAProxy.
 *
 *   --clients N    of them (2000)              --rate N     requests a second of the others (300)
 *   --seconds N    of each phase (20, 12 at least)  --json FILE  everything
 *   --quick        the gateway alone, 300 clients, 12 seconds a phase, counts only
 *
 * Three phases for each proxy: nobody dribbles, heads dribble, bodies dribble; an open-loop load of ordinary requests goes on in all
 * of them. Shown are processor time and memory of the proxy and the latency of the others. What the proxy spends on them is
 * the difference to the first phase, in hundredths of a core: so much of its throughput they cost. Ends with `N passed, N failed`
 * alone on the last line: at the gateway no ordinary GET fails, and every dribbler that was cut was told why.
 * Exit status: 0 held, 1 not, 2 usage.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nowMs, sleep } from "#core/host/clock.ts";
import { ForeignLoad } from "../foreign-load.ts";
import type { BenchProcess } from "../processes.ts";
import { startProxy, type ProxyName, type RunningProxy } from "../proxies.ts";
import { renderTable } from "../results.ts";
import { startLoad } from "./drill-load.ts";
import { DrillNodes } from "./drill-nodes.ts";
import type { DribbleKind, DribblerCounts } from "./dribblers.ts";
import { startTelling } from "./telling-process.ts";
import { wholeNumber } from "./whole-number.ts";
import { withinDrill } from "./within-drill.ts";

const DRIBBLERS = fileURLToPath(new URL("./dribblers.ts", import.meta.url));
const PHASES = ["nobody", "heads", "bodies"] as const;
const SUBJECTS: readonly ProxyName[] = ["gateway", "nginx", "haproxy"];
const NODES = 2;
/** All of them are connected by then. */
const OPEN_MS_MAX = 15_000;
const OPEN_SHARE = 0.98;
const LOOK_MS = 100;
const SETTLE_MS = 1_000;
const US_PER_MS = 1_000;

interface Phase {
  readonly subject: string;
  readonly version: string;
  readonly phase: (typeof PHASES)[number];
  /** Dribblers that were connected, on average of the looks; cut by the proxy, and of those without an answer. */
  readonly open: number;
  readonly cut: number;
  readonly untold: number;
  /** Cores, of the proxy with its workers. */
  readonly cores: number;
  readonly rssMb: number;
  readonly gets: number;
  readonly failedGets: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags === undefined) return 2;
  const foreign = new ForeignLoad();
  const phases: Phase[] = [];
  await withinDrill(async (directory) => {
    const nodes = await DrillNodes.start(NODES);
    for (const name of flags.isQuick ? (["gateway"] as const) : SUBJECTS) {
      const proxy = await startProxy(name, { directory, nodePorts: nodes.nodes.map(({ port }) => port) });
      if (typeof proxy === "string") {
        say(`${name} ${proxy}`);
        continue;
      }
      for (const phase of PHASES) phases.push(await play(proxy, phase, directory, flags));
      await proxy.process.stop();
    }
    await nodes.stop();
  });
  say(render(phases));
  foreign.cores(say);
  if (flags.json !== undefined) {
    const document = { schema: "anycastle.drill-dribble/v1", clients: flags.clients, phases };
    writeFileSync(flags.json, `${JSON.stringify(document, undefined, 1)}\n`);
  }
  const own = phases.filter(({ subject }) => subject === "gateway");
  const held = [
    own.length === PHASES.length && own.every(({ gets, failedGets }) => gets > 0 && failedGets === 0),
    own.slice(1).every(({ cut, untold }) => cut > 0 && untold === 0),
  ];
  const failed = held.filter((is) => !is).length;
  say(`${held.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function play(
  proxy: RunningProxy,
  phase: Phase["phase"],
  directory: string,
  { clients, seconds, rate }: Flags,
): Promise<Phase> {
  const dribblers = phase === "nobody" ? undefined : new Dribblers(proxy.port, clients, phase);
  await dribblers?.untilOpen(clients);
  const load = startLoad({ directory, port: proxy.port, ratePerS: rate, seconds, postPercent: 0, seed: 1 });
  // The load is on by then; its end is a little behind that of the measurement.
  await sleep(SETTLE_MS);
  const before = { cpuUs: proxy.process.cpuUs(), atMs: nowMs() };
  const looks = { open: 0, rssKb: 0, count: 0 };
  for (const untilMs = nowMs() + seconds * 1_000 - 2 * SETTLE_MS; nowMs() < untilMs; await sleep(LOOK_MS)) {
    looks.open += dribblers?.counts.open ?? 0;
    looks.rssKb += proxy.process.rssKb();
    looks.count += 1;
  }
  const cores = (proxy.process.cpuUs() - before.cpuUs) / US_PER_MS / (nowMs() - before.atMs);
  const result = await load.result;
  await dribblers?.end();
  const get = result.methods?.find(({ method }) => method === "GET");
  const { cut = 0, untold = 0 } = dribblers?.counts ?? {};
  return {
    subject: proxy.name,
    version: proxy.version,
    phase,
    open: Math.round(looks.open / looks.count),
    cut,
    untold,
    cores,
    rssMb: looks.rssKb / looks.count / 1_024,
    gets: get?.sent ?? 0,
    failedGets: get?.failed ?? 0,
    p50Ms: get?.latency.p50 ?? null,
    p99Ms: get?.latency.p99 ?? null,
  };
}

class Dribblers {
  counts: DribblerCounts = { open: 0, cut: 0, untold: 0 };
  readonly #process: BenchProcess;

  constructor(port: number, count: number, kind: DribbleKind) {
    const command = [DRIBBLERS, String(port), String(count), kind];
    this.#process = startTelling("dribblers", command, (told) => (this.counts = told as DribblerCounts));
  }

  async untilOpen(count: number): Promise<void> {
    for (const untilMs = nowMs() + OPEN_MS_MAX; this.counts.open < OPEN_SHARE * count; await sleep(LOOK_MS)) {
      if (nowMs() > untilMs) throw new Error(`only ${this.counts.open} of ${count} dribblers are connected`);
    }
  }

  async end(): Promise<void> {
    this.#process.endInput();
    await this.#process.exited;
  }
}

function render(phases: readonly Phase[]): string {
  const rows = phases.map((each) => {
    const base = phases.find(({ subject, phase }) => subject === each.subject && phase === "nobody");
    const more = ((each.cores - (base?.cores ?? 0)) * 100).toFixed(1);
    return [
      `${each.subject} ${each.version}`,
      each.phase,
      String(each.open),
      `${each.cut} (${each.untold})`,
      (each.cores * 100).toFixed(1),
      each === base ? "-" : more,
      `${each.rssMb.toFixed(0)}${each === base ? "" : ` (+${(each.rssMb - (base?.rssMb ?? 0)).toFixed(0)})`}`,
      `${each.p50Ms?.toFixed(1)} / ${each.p99Ms?.toFixed(1)}`,
      `${each.failedGets} / ${each.gets}`,
    ];
  });
  const head = [
    "PROXY",
    "DRIBBLING",
    "OPEN",
    "CUT (UNTOLD)",
    "CPU %",
    "MORE",
    "RSS MB",
    "OTHERS p50 / p99 ms",
    "GET LOST",
  ];
  return renderTable(head, rows);
}

interface Flags {
  readonly clients: number;
  readonly seconds: number;
  readonly rate: number;
  readonly json: string | undefined;
  readonly isQuick: boolean;
}

function readFlags(): Flags | undefined {
  try {
    const { values } = parseArgs({
      options: {
        clients: { type: "string" },
        seconds: { type: "string" },
        rate: { type: "string" },
        json: { type: "string" },
        quick: { type: "boolean", default: false },
      },
    });
    return {
      clients: wholeNumber("clients", values.clients, {
        otherwise: values.quick ? 300 : 2_000,
        min: 1,
        max: 10_000,
      }),
      seconds: wholeNumber("seconds", values.seconds, {
        otherwise: values.quick ? 12 : 20,
        min: 4,
        max: 3_600,
      }),
      rate: wholeNumber("rate", values.rate, { otherwise: values.quick ? 100 : 300, min: 1, max: 5_000 }),
      json: values.json,
      isQuick: values.quick,
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
