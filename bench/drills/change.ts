/**
 * `npm run drill:change`: the gateway is given new configurations, successors and certificates under open-loop load, and what
 * clients lost is counted.
 *
 *   --reloads N    new configurations by SIGHUP (100)     --restarts N   successors by SIGUSR2 (20)
 *   --rate N       requests a second (1000)               --seed N       of the load (1)
 *   --rotations N  new certificates (20)                  --json FILE    everything
 *   --quick        20 reloads, 3 restarts, 3 certificates
 *
 * Each configuration has other nodes and weights than the one before; requests are GET but for a twentieth, half of them on
 * connections of their own. Behind that certificates change, for HTTPS clients (`rotation.ts`). Ends with `N passed, N failed` alone
 * on the last line: no GET lost, no POST executed twice, every reload and restart told, every new certificate shown from then on.
 * Exit status: 0 held, 1 not, 2 usage.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sleep } from "#core/host/clock.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { freePort } from "../processes.ts";
import { startLoad } from "./drill-load.ts";
import { DrillNodes, type DrillNode } from "./drill-nodes.ts";
import { bound } from "./kill-report.ts";
import { LiveGateway } from "./live-gateway.ts";
import { rotate, type Rotation } from "./rotation.ts";
import { wholeNumber } from "./whole-number.ts";
import { withinDrill } from "./within-drill.ts";

const NODES = 4;
const POST_PERCENT = 5;
const SETTLE_MS = 1_000;
const BETWEEN_RELOADS_MS = 100;
/** Also for what a predecessor has yet to finish. */
const BETWEEN_RESTARTS_MS = 1_500;

interface Change {
  readonly reloads: number;
  readonly restarts: number;
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags === undefined) return 2;
  let held: readonly boolean[] = [];
  await withinDrill(async (directory) => {
    const nodes = await DrillNodes.start(NODES);
    const port = await freePort();
    const file = join(directory, "anycastle.yaml");
    const gateway = await LiveGateway.start(file, port, documentOf(port, nodes.nodes, 0));
    const load = startLoad({
      directory,
      port: gateway.port,
      ratePerS: flags.rate,
      seconds: 60 + flags.reloads + 10 * flags.restarts,
      postPercent: POST_PERCENT,
      seed: flags.seed,
    });
    await sleep(SETTLE_MS);
    const done = await change(gateway, nodes.nodes, flags);
    await sleep(SETTLE_MS);
    load.stop();
    const result = await load.result;
    gateway.end();
    const rotation = await rotate(directory, flags.rotations, (at, turn) =>
      documentOf(at, nodes.nodes, turn),
    );
    await nodes.stop();
    held = [...report(result, done, nodes.duplicated, flags, rotation), ...judged(rotation)];
  });
  const failed = held.filter((is) => !is).length;
  say(`${held.length - failed} passed, ${failed} failed`);
  return failed === 0 && held.length > 0 ? 0 : 1;
}

async function change(
  gateway: LiveGateway,
  nodes: readonly DrillNode[],
  { reloads, restarts }: Change,
): Promise<Change> {
  const done = { reloads: 0, restarts: 0 };
  for (let count = 0; count < reloads; count++) {
    if (await gateway.reload(documentOf(gateway.port, nodes, count + 1))) done.reloads += 1;
    await sleep(BETWEEN_RELOADS_MS);
  }
  for (let count = 0; count < restarts; count++) {
    if (await gateway.restart()) done.restarts += 1;
    await sleep(BETWEEN_RESTARTS_MS);
  }
  return done;
}

function judged({ load, untold, wrong, unseen, handshakes }: Rotation): readonly boolean[] {
  return [
    load.answered > 0 && load.failed === 0,
    untold === 0,
    handshakes > 0 && wrong === 0 && unseen.length === 0,
  ];
}

function report(
  result: LoadResult,
  done: Change,
  duplicated: number,
  flags: Flags,
  rotation: Rotation,
): readonly boolean[] {
  const of = (method: string) => result.methods?.find((each) => each.method === method);
  const [get, post] = [of("GET"), of("POST")];
  const own = { gets: get?.sent ?? 0, failedGets: get?.failed ?? 0 };
  say(`${done.reloads} of ${flags.reloads} reloads, ${done.restarts} of ${flags.restarts} restarts`);
  say(
    `${own.failedGets} of ${own.gets} GET failed (bound ${bound(own)}), ${post?.failed ?? 0} of ${post?.sent ?? 0} POST, ${duplicated} executed twice`,
  );
  if (result.failedTotal > 0) say(`failed: ${JSON.stringify(result.failed)}`);
  say(
    `latency of GET: p50 ${get?.latency.p50} ms, p99 ${get?.latency.p99} ms, max ${get?.latency.max} ms${result.isVoid ? `; void: ${result.voidReasons.join("; ")}` : ""}`,
  );
  const { load, reloads, certificates, handshakes, wrong, unseen } = rotation;
  say(
    `${certificates} certificates over ${reloads} reloads: ${load.failed} of ${load.sent} HTTPS GET failed, ${handshakes} handshakes, ${wrong} with another certificate than was in force${unseen.length === 0 ? "" : `; never seen: ${unseen.join(", ")}`}`,
  );
  if (load.failed > 0) say(`failed: ${JSON.stringify(load.reasons)}`);
  if (flags.json !== undefined) {
    const document = { schema: "anycastle.drill-change/v1", ...done, duplicated, result, rotation };
    writeFileSync(flags.json, `${JSON.stringify(document, undefined, 1)}\n`);
  }
  const isDone = done.reloads === flags.reloads && done.restarts === flags.restarts;
  return [own.gets > 0 && own.failedGets === 0, duplicated === 0, isDone];
}

/** Every configuration leaves another node out, and weighs the others anew. */
function documentOf(port: number, nodes: readonly DrillNode[], count: number): object {
  const present = nodes.filter((_, index) => index !== count % nodes.length);
  return {
    listen: `127.0.0.1:${port}`,
    admin: "off",
    sites: [
      {
        id: "drill",
        nodes: present.map(({ name, port: at }, index) => ({
          id: name,
          url: `http://127.0.0.1:${at}`,
          weight: 1 + ((count + index) % 5),
        })),
      },
    ],
    health: { kind: "tcp" },
    // On a box that is too busy answers take longer than a drain may: that is not what is drilled here.
    limits: { drainTimeoutMs: 60_000 },
  };
}

interface Flags extends Change {
  readonly rotations: number;
  readonly rate: number;
  readonly seed: number;
  readonly json: string | undefined;
}

function readFlags(): Flags | undefined {
  try {
    const { values } = parseArgs({
      options: {
        reloads: { type: "string" },
        restarts: { type: "string" },
        rotations: { type: "string" },
        rate: { type: "string", default: "1000" },
        seed: { type: "string", default: "1" },
        json: { type: "string" },
        quick: { type: "boolean", default: false },
      },
    });
    const whole = (
      name: "reloads" | "restarts" | "rotations" | "rate" | "seed",
      otherwise: number,
      min: number,
    ): number => wholeNumber(name, values[name], { otherwise, min, max: 100_000 });
    return {
      reloads: whole("reloads", values.quick ? 20 : 100, 0),
      restarts: whole("restarts", values.quick ? 3 : 20, 0),
      rotations: whole("rotations", values.quick ? 3 : 20, 1),
      rate: whole("rate", 1_000, 1),
      seed: whole("seed", 1, 0),
      json: values.json,
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
