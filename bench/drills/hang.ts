/**
 * `npm run drill:hang`: nodes that hang, lie, stutter or are slow, one after the other under open-loop load, and what clients
 * lost. Every node's health path is fine all the time (`tcp` checks): what is wrong shows in real requests only.
 *
 *   --seconds N    of each fault (6)          --rate N     requests a second (200)
 *   --rivals       the same for nginx, HAProxy, HAProxy tuned and http-proxy
 *   --json FILE    everything                 --quick      two seconds a fault, the gateway alone, counts only
 *
 * Where a good node lives no GET may be lost, and no POST may be executed twice; with every node dead each answer says so
 * in time, and afterwards all is well again. Ends with `N passed, N failed` alone on the last line, a verdict for each fault at
 * the gateway. Exit status: 0 held, 1 not, 2 usage.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sleep } from "#core/host/clock.ts";
import { DrillNodes } from "./drill-nodes.ts";
import { startLoad } from "./drill-load.ts";
import { withinDrill } from "./within-drill.ts";
import { startSubject, SUBJECTS, type SubjectName } from "./subjects.ts";

const NODES = 3;
const POST_PERCENT = 2;
const SETTLE_MS = 700;
const QUICK_SECONDS = 2;
const FLAP_MS = 500;
const KILLED = "SIGKILL";

interface Fault {
  readonly name: string;
  /** While every node is out nobody can be served: answers must come, and say so. */
  readonly isTotal?: true;
  begin(nodes: DrillNodes): Promise<void> | void;
  end(nodes: DrillNodes): Promise<void> | void;
}

const spoilt = (name: string): Fault => ({
  name,
  begin: (nodes) => nodes.spoil(nodes.nodes[0]!, name),
  end: (nodes) => nodes.spoil(nodes.nodes[0]!, "none"),
});

let flapping: { readonly over: AbortController; readonly done: Promise<void> } | undefined;

const FAULTS: readonly Fault[] = [
  {
    name: "SIGSTOP",
    begin: (nodes) => nodes.signal(nodes.nodes[0]!, "SIGSTOP"),
    end: (nodes) => nodes.signal(nodes.nodes[0]!, "SIGCONT"),
  },
  ...[
    "blackhole",
    "half a head",
    "half a body",
    "one byte a second",
    "200, then garbage",
    "reset behind the head",
    "503 to everything",
    "slow",
  ].map(spoilt),
  {
    name: `all but one ${KILLED}`,
    begin: async (nodes) => void (await Promise.all(nodes.nodes.slice(1).map((node) => nodes.kill(node)))),
    end: async (nodes) => void (await Promise.all(nodes.nodes.slice(1).map((node) => nodes.start(node)))),
  },
  {
    name: "flapping",
    begin: (nodes) => {
      const over = new AbortController();
      flapping = { over, done: flap(nodes, over.signal) };
    },
    end: async () => {
      flapping?.over.abort();
      await flapping?.done;
    },
  },
  {
    name: "every node dead",
    isTotal: true,
    begin: async (nodes) => void (await Promise.all(nodes.nodes.map((node) => nodes.kill(node)))),
    end: async (nodes) => void (await Promise.all(nodes.nodes.map((node) => nodes.start(node)))),
  },
];

async function flap(nodes: DrillNodes, over: AbortSignal): Promise<void> {
  const node = nodes.nodes[0]!;
  while (!over.aborted) {
    await nodes.kill(node);
    await sleep(FLAP_MS);
    await nodes.start(node);
    await sleep(FLAP_MS);
  }
}

interface Row {
  readonly subject: SubjectName;
  readonly fault: string;
  readonly gets: number;
  readonly failedGets: number;
  readonly posts: number;
  readonly failedPosts: number;
  readonly duplicated: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** Requests of a second load, when the fault is over. */
  readonly failedAfter: number;
  readonly isHeld: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags === undefined) return 2;
  const rows: Row[] = [];
  await withinDrill(async (directory) => {
    for (const name of flags.hasRivals ? SUBJECTS : (["gateway"] as const)) {
      for (const fault of FAULTS) {
        const row = await runFault(name, fault, flags, directory);
        if (row === undefined) break;
        rows.push(row);
        say(lineOf(row));
      }
    }
  });
  if (flags.json !== undefined) {
    writeFileSync(
      flags.json,
      `${JSON.stringify({ schema: "anycastle.drill-hang/v1", rows }, undefined, 1)}\n`,
    );
  }
  const own = rows.filter(({ subject }) => subject === "gateway");
  const failed = own.filter(({ isHeld }) => !isHeld).length;
  say(`${own.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function runFault(
  name: SubjectName,
  fault: Fault,
  flags: Flags,
  directory: string,
): Promise<Row | undefined> {
  const nodes = await DrillNodes.start(NODES, "faulty");
  const subject = await startSubject(name, {
    directory,
    nodes: nodes.nodes,
    accessLog: join(directory, "access.log"),
    onEvent: () => undefined,
  });
  if (typeof subject === "string") {
    say(`${name}: ${subject}`);
    await nodes.stop();
    return undefined;
  }
  const { port } = subject;
  const load = { directory, port, ratePerS: flags.rate, postPercent: POST_PERCENT };
  await sleep(SETTLE_MS);
  const running = startLoad({ ...load, seconds: flags.seconds + 1, seed: 1 });
  await sleep(SETTLE_MS);
  await fault.begin(nodes);
  const result = await running.result;
  await fault.end(nodes);
  await sleep(SETTLE_MS);
  const after = await startLoad({ ...load, seconds: 1, postPercent: 0, seed: 2 }).result;
  await subject.process.stop();
  await nodes.stop();
  const of = (method: string) => result.methods?.find((each) => each.method === method);
  const [get, post] = [of("GET"), of("POST")];
  const failedGets = get?.failed ?? 0;
  // The gateway's own answers, in time: nothing hung until the client's patience was over.
  const isTold = Object.keys(result.failed).every((reason) => /^status-50[234]$/.test(reason));
  const isServed = fault.isTotal === true ? failedGets > 0 && isTold : failedGets === 0;
  return {
    subject: name,
    fault: fault.name,
    gets: get?.sent ?? 0,
    failedGets,
    posts: post?.sent ?? 0,
    failedPosts: post?.failed ?? 0,
    duplicated: nodes.duplicated,
    reasons: result.failed,
    p99Ms: get?.latency.p99 ?? null,
    maxMs: get?.latency.max ?? null,
    failedAfter: after.failedTotal,
    isHeld: isServed && nodes.duplicated === 0 && after.failedTotal === 0,
  };
}

function lineOf(row: Row): string {
  const { subject, fault, gets, failedGets, posts, failedPosts, duplicated, p99Ms, maxMs, failedAfter } = row;
  const reasons = Object.entries(row.reasons).map(([reason, count]) => `${count} ${reason}`);
  return [
    subject.padEnd(14),
    fault.padEnd(22),
    `GET lost ${failedGets} of ${gets}`.padEnd(26),
    `POST lost ${failedPosts} of ${posts}, twice ${duplicated}`.padEnd(30),
    `p99 ${p99Ms?.toFixed(0) ?? "-"} max ${maxMs?.toFixed(0) ?? "-"} ms`.padEnd(24),
    `after ${failedAfter}`.padEnd(10),
    row.isHeld ? "held" : "MISSED",
    reasons.length === 0 ? "" : `(${reasons.join(", ")})`,
  ]
    .join(" ")
    .trimEnd();
}

type Flags = NonNullable<ReturnType<typeof readFlags>>;

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: "string", default: "6" },
        rate: { type: "string", default: "200" },
        rivals: { type: "boolean" },
        json: { type: "string" },
        quick: { type: "boolean" },
      },
    });
    const whole = (name: "seconds" | "rate", max: number): number => {
      const value = Number(values[name]);
      if (Number.isInteger(value) && value >= 1 && value <= max) return value;
      throw new Error(`--${name} ${values[name]} is not a whole number from 1 to ${max}`);
    };
    const isQuick = values.quick === true;
    return {
      seconds: isQuick ? QUICK_SECONDS : whole("seconds", 600),
      rate: whole("rate", 5_000),
      hasRivals: values.rivals === true && !isQuick,
      json: values.json,
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(
      "  npm run drill:hang -- [--quick] [--seconds N] [--rate N] [--rivals] [--json FILE]\n",
    );
    return undefined;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
