/** The simulator as a command, in real time: settings, routers and feed, a gentle end. The same class that a lab starts. */
import { after, nowMs } from "#core/host/clock.ts";
import { EXIT, UserError } from "#core/errors.ts";
import { randomSeed } from "#core/host/random.ts";
import { VERSION } from "#core/version.ts";
import type { SimConfig } from "#core/wire/cast.ts";
import { simConfigOf, simSchema } from "#sim/serve/config.ts";
import { Simulator } from "#sim/serve/simulator.ts";
import { openSettings } from "../config-file/settings.ts";
import { Departure } from "../departure.ts";
import { liveWorldOf } from "./live-world-of.ts";
import { eventTeller } from "../event-teller.ts";
import type { Output } from "../output.ts";
import { tellingErrors, withLog, type ProcessLog } from "../process-log.ts";
import type { SimServeFlags } from "../sim.ts";

/** Time for the last NOTIFICATIONs to leave before the process does. */
const FAREWELL_MS = 50;

export function runServe(output: Output, flags: SimServeFlags): Promise<number> {
  return withLog(output, flags, (its, log) => run(its, flags, log));
}

async function run(output: Output, flags: SimServeFlags, log: ProcessLog | undefined): Promise<number> {
  const startedMs = nowMs();
  const { value, file } = openSettings(tellingErrors(output, log), {
    command: "anycastle sim serve",
    file: flags.config,
    schema: simSchema,
    given: [
      { flag: "--listen", path: "listen", value: flags.listen },
      { flag: "--seed", path: "seed", value: flags.seed },
      { flag: "--prefix", path: "prefix", value: flags.prefix },
      { flag: "--hold-time", path: "holdTimeS", value: flags.holdTime },
    ],
  });
  const world = flags.world === undefined ? undefined : await liveWorldOf(flags.world, output);
  const config = simConfigOf(value, randomSeed(), world);
  const isNdjson = flags.ndjson === true;
  const events = eventTeller(output, "sim", isNdjson, log);
  const simulator = new Simulator(config, (body, atNs) => events.emit(body, atNs));
  const departure = new Departure({
    drainMs: FAREWELL_MS,
    ...(log === undefined ? {} : { tell: output.tell }),
    drain: async (why) => {
      simulator.stop(why);
      await new Promise<void>((resolve) => after(FAREWELL_MS, resolve));
    },
    now: async () => undefined, // The process ends with what it holds.
  });
  try {
    await simulator.start();
  } catch (error) {
    simulator.stop("start failed");
    throw withHint(error);
  }
  const isQuiet = isNdjson || log !== undefined;
  (isQuiet ? output.tell : output.print)(introduction(config, simulator, file?.name));
  const sinceStartMs = Math.round(nowMs() - startedMs);
  events.emit({ kind: "process.ready", process: "sim", pid: process.pid, sinceStartMs });
  return await departure.done;
}

function introduction(config: SimConfig, simulator: Simulator, file: string | undefined): string {
  const { host, routers, prefix, seed, holdTimeS } = config;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${simulator.httpPort}`;
  const from = file === undefined ? "" : `  config ${file}`;
  const peers = routers.reduce((count, router) => count + router.peers.length, 0);
  const ports = routers.map(({ site }) => `${site} ${simulator.routerPort(site)}`).join(", ");
  return [
    `anycastle ${VERSION} simulator  ${url}/v1/catchments and /v1/status${from}`,
    `  world ${config.world?.name ?? "default"}, seed ${seed}, prefix ${prefix}, hold time ${holdTimeS} s, ${peers} nodes known`,
    `  routers on ${host}: ${ports}`,
  ].join("\n");
}

/** The errors of listening know the address; what to type instead is known here. */
function withHint(error: unknown): unknown {
  if (!(error instanceof UserError) || error.hint !== undefined) return error;
  return new UserError(error.code, error.message, {
    hint:
      error.code === "SIM_PORT"
        ? "choose another with --listen host:port"
        : "give its router another `port` in a file (-c), or end who holds it",
    exitCode: EXIT.usage,
    cause: error,
  });
}
