/**
 * `npm run drill:kill`: nodes are killed with SIGKILL at random moments under open-loop load, and what clients lost is counted.
 *
 *   --kills N      of the gateway (100)      --rival-kills N   of each other (20; 0: none)
 *   --rate N       requests a second (1000)  --nodes N         (3)
 *   --seed N       moments and nodes (1)     --json FILE       everything; pieces that are in it are not run again
 *   --quick        10 kills, the gateway alone, counts only
 *
 * A kill, then the node comes back, then the next: one node is dead at a time. Requests are GET but for a twentieth; half of
 * them on connections of their own. Ends with `N passed, N failed` alone on the last line: no GET lost, no POST executed twice
 * at the gateway, every kill confirmed. Times are printed, never judged under `--quick`. Exit status: 0 held, 1 not, 2 usage.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { nowNs, sleep } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import { DrillNodes, type DrillNode } from "./drill-nodes.ts";
import { startLoad } from "./drill-load.ts";
import { bound, renderPieces, summaryOf, type KillPiece } from "./kill-report.ts";
import { withinDrill } from "./within-drill.ts";
import { startSubject, SUBJECTS, type Heard, type SubjectName } from "./subjects.ts";

const SCHEMA = "anycastle.drill-kill/v1";
/** Kills of one start of everything. */
const PIECE_KILLS = 10;
const QUICK_KILLS = 10;
/** Before the first kill and after the last. */
const SETTLE_MS = 1_500;
/** A killed node is started again after so long; it is back in rotation some checks later. */
const DEAD_MS = [500, 1_500] as const;
const BACK_MS = [1_500, 3_500] as const;
const SECONDS_PER_KILL = 10;
const POST_PERCENT = 5;
const NS_PER_MS = 1e6;

interface Document {
  readonly schema: typeof SCHEMA;
  readonly rate: number;
  readonly nodes: number;
  readonly seed: number;
  readonly pieces: KillPiece[];
}

process.exitCode = await main();

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags === undefined) return 2;
  const document = opened(flags);
  await withinDrill(async (directory) => {
    for (const name of flags.isQuick ? (["gateway"] as const) : SUBJECTS) {
      await drill(name, name === "gateway" ? flags.kills : flags.rivalKills, document, flags, directory);
    }
  });
  say(renderPieces(document.pieces));
  const own = summaryOf(document.pieces.filter(({ subject }) => subject === "gateway"));
  say(`gateway: ${own.failedGets} of ${own.gets} GET failed (bound ${bound(own)})`);
  const held = [own.failedGets === 0, own.duplicated === 0, own.kills >= flags.kills];
  const failed = held.filter((is) => !is).length;
  say(`${held.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function drill(
  name: SubjectName,
  kills: number,
  document: Document,
  flags: Flags,
  directory: string,
): Promise<void> {
  const done = document.pieces.filter(({ subject }) => subject === name).length * PIECE_KILLS;
  for (let from = done; from < kills; from += PIECE_KILLS) {
    const piece = await runPiece(name, Math.min(PIECE_KILLS, kills - from), from, flags, directory);
    if (typeof piece === "string") return say(`${name}: ${piece}`);
    document.pieces.push(piece);
    if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(document, undefined, 1)}\n`);
    say(`${name}: ${from + piece.kills} of ${kills} kills, ${piece.failedGets} of ${piece.gets} GET failed`);
  }
}

async function runPiece(
  name: SubjectName,
  kills: number,
  from: number,
  flags: Flags,
  directory: string,
): Promise<KillPiece | string> {
  const prng = new Prng(flags.seed).fork(`${name}/${from}`);
  const nodes = await DrillNodes.start(flags.nodes);
  const events: Heard[] = [];
  const accessLog = join(directory, `${name}-${from}.log`);
  const subject = await startSubject(name, {
    directory,
    nodes: nodes.nodes,
    accessLog,
    onEvent: (event) => void events.push(event),
  });
  if (typeof subject === "string") {
    await nodes.stop();
    return subject;
  }
  const load = startLoad({
    directory,
    port: subject.port,
    ratePerS: flags.rate,
    seconds: kills * SECONDS_PER_KILL * 2,
    postPercent: POST_PERCENT,
    seed: flags.seed + from,
  });
  await sleep(SETTLE_MS);
  const outMs: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const node = nodes.nodes[prng.integer(0, nodes.nodes.length - 1)]!;
    const killedNs = await killAndReturn(nodes, node, prng);
    const out = events.find(
      (event) =>
        event.kind === "gateway.node" &&
        event.node === node.name &&
        event.from === "healthy" &&
        event.atNs > killedNs.askedNs,
    );
    // Found out before the parent was told of its end: at once.
    if (out !== undefined) outMs.push(Math.max(0, (out.atNs - killedNs.confirmedNs) / NS_PER_MS));
  }
  load.stop();
  const result = await load.result;
  await subject.process.stop();
  await nodes.stop();
  const of = (method: string) => result.methods?.find((each) => each.method === method);
  const [get, post] = [of("GET"), of("POST")];
  return {
    subject: name,
    version: subject.version,
    kills,
    gets: get?.sent ?? 0,
    failedGets: get?.failed ?? 0,
    posts: post?.sent ?? 0,
    failedPosts: post?.failed ?? 0,
    duplicated: nodes.duplicated,
    isVoid: result.isVoid,
    voidReasons: result.voidReasons,
    latencyMs: {
      p50: get?.latency.p50 ?? null,
      p99: get?.latency.p99 ?? null,
      max: get?.latency.max ?? null,
    },
    outMs,
    ...timesOf(accessLog),
  };
}

async function killAndReturn(
  nodes: DrillNodes,
  node: DrillNode,
  prng: Prng,
): Promise<{ readonly askedNs: number; readonly confirmedNs: number }> {
  const askedNs = nowNs();
  const confirmedNs = await nodes.kill(node);
  await sleep(prng.integer(...DEAD_MS));
  await nodes.start(node);
  await sleep(prng.integer(...BACK_MS));
  return { askedNs, confirmedNs };
}

/** From the gateway's access log: how long rescued requests took, and a sample of the others. */
function timesOf(file: string): { readonly rescuedMs: number[]; readonly normalMs: number[] } {
  if (!existsSync(file)) return { rescuedMs: [], normalMs: [] };
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { response_time: number; context: { outcome: string } });
  rmSync(file);
  const of = (outcome: string): number[] =>
    lines.flatMap(({ response_time: ms, context }) => (context.outcome === outcome ? [ms] : []));
  return { rescuedMs: of("rescued"), normalMs: of("ok") };
}

type Flags = NonNullable<ReturnType<typeof readFlags>>;

function readFlags() {
  const options = {
    kills: { type: "string", default: "100" },
    "rival-kills": { type: "string", default: "20" },
    rate: { type: "string", default: "1000" },
    nodes: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    json: { type: "string" },
    quick: { type: "boolean" },
  } as const;
  try {
    const { values } = parseArgs({ options });
    const whole = (
      name: "kills" | "rival-kills" | "rate" | "nodes" | "seed",
      min: number,
      max: number,
    ): number => {
      const value = Number(values[name]);
      if (Number.isInteger(value) && value >= min && value <= max) return value;
      throw new Error(`--${name} ${values[name]} is not a whole number from ${min} to ${max}`);
    };
    const isQuick = values.quick === true;
    return {
      kills: isQuick ? QUICK_KILLS : whole("kills", 1, 10_000),
      rivalKills: whole("rival-kills", 0, 10_000),
      rate: whole("rate", 1, 5_000),
      nodes: whole("nodes", 2, 20),
      seed: whole("seed", 0, 2 ** 31),
      json: values.json,
      isQuick,
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(
      "  npm run drill:kill -- [--quick] [--kills N] [--rival-kills N] [--rate N] [--nodes N] [--json FILE]\n",
    );
    return undefined;
  }
}

/** What the file holds of a run with the same settings; anything else is begun anew. */
function opened({ json, rate, nodes, seed }: Flags): Document {
  const fresh: Document = { schema: SCHEMA, rate, nodes, seed, pieces: [] };
  if (json === undefined || !existsSync(json)) return fresh;
  const read = JSON.parse(readFileSync(json, "utf8")) as Document;
  const isSame = read.schema === SCHEMA && read.rate === rate && read.nodes === nodes && read.seed === seed;
  return isSame ? read : fresh;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
