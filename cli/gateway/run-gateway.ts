/** The gateway as a command: configuration from a file, events as lines, a gentle end. */
import { readFileSync } from "node:fs";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { nowNs } from "#core/host/clock.ts";
import { environmentValue } from "#core/host/environment.ts";
import type { EventSink } from "#core/host/event-channel.ts";
import { randomSeed, randomToken } from "#core/host/random.ts";
import { Prng } from "#core/prng.ts";
import { VERSION } from "#core/version.ts";
import type { EventBody } from "#core/wire/events.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import { startGateway, type RunningGateway } from "#gateway/gateway.ts";
import { openConfig, type OpenedConfig } from "../config-file/open.ts";
import type { TextProblem } from "#core/checked-text/read-text.ts";
import { showWarnings } from "../config-file/show-problems.ts";
import { Departure } from "../departure.ts";
import { storyOf } from "../event-line.ts";
import type { GatewayFlags } from "../gateway.ts";
import { inheritedSockets, startSuccessor, type SuccessorOptions } from "./handover.ts";
import { configReader, reloadNow, watchFile } from "./reloading.ts";
import { showDiff } from "./show-diff.ts";
import { tracingOfEnvironment } from "./tracing-of-environment.ts";
import type { Output } from "../output.ts";
import { tellingErrors, withLog, type ProcessLog } from "../process-log.ts";
import { outliveReader } from "../unwritten.ts";

const TOKEN_LENGTH_MIN = 16;
/** For a successor to load its code and begin, before its nodes are proven. */
const SUCCESSOR_START_MS_MAX = 30_000;

export function runGateway(output: Output, flags: GatewayFlags): Promise<number> {
  return withLog(output, flags, (its, log) => run(its, flags, log));
}

async function run(output: Output, flags: GatewayFlags, log: ProcessLog | undefined): Promise<number> {
  const overrides = {
    ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    ...(flags.admin === undefined ? {} : { admin: flags.admin }),
    ...(flags.zone === undefined ? {} : { balancer: { zone: { id: flags.zone } } }),
    ...tracingOfEnvironment(environmentValue),
  };
  const opened = openConfig(tellingErrors(output, log), { file: flags.config, isJson: false, overrides });
  const { config, file, warnings } = opened;
  if (log !== undefined) for (const warning of warnings) tellWarning(log, file.name, warning);
  else if (warnings.length > 0) output.tell(showWarnings(file, warnings, output.paint));
  if (flags.check === true) {
    output.print(`${file.name} is good`);
    return EXIT.ok;
  }
  if (flags.diff === true) return await showDiff(output, config);
  const readConfig = configReader(file.path, overrides);
  const ownToken = adminToken(flags.adminTokenFile);
  const inherited = inheritedSockets(config);
  const stopped = new AbortController();
  const started = startGateway(config, {
    inherited: inherited.sockets,
    ...successionOf(inherited.succession, stopped.signal),
    events: eventsOf(output, flags, log),
    adminToken: ownToken ?? randomToken(),
    version: VERSION,
    prng: new Prng(randomSeed()),
    readConfig,
  });
  const handover = new Handover();
  const departure = new Departure({
    drainMs: config.limits.drainTimeoutMs,
    ...(log === undefined ? {} : { tell: output.tell }),
    drain: async () => {
      stopped.abort(new UserError("STOPPED", "it was told to stop", { exitCode: EXIT.terminated }));
      // What did not start is told where it is waited for.
      const running = await started.catch(() => undefined);
      if (handover.hasSuccessor) await running?.leaveToSuccessor();
      else await running?.drain();
    },
    now: async () => (await started).close(),
  });
  const gateway = await started;
  outliveReader();
  const reload = (): void => reloadNow(gateway, readConfig);
  // In a terminal SIGHUP says that it was closed; without one it is the daemon's word for "read it again".
  if (!process.stdout.isTTY) departure.leaveOut("SIGHUP", reload);
  const successorOptions = { readyMsMax: readyMsMaxOf(config), signal: stopped.signal };
  process.on("SIGUSR2", () => void handover.begin(gateway, departure, output, successorOptions));
  inherited.tellReady();
  const unwatch = flags.watch === true ? watchFile(file.path, reload) : undefined;
  if (log !== undefined) log.say("info", "the gateway serves", addressesOf(gateway, opened));
  else
    (flags.ndjson === true ? output.tell : output.print)(
      introduction(gateway, opened, ownToken !== undefined),
    );
  const status = await departure.done;
  unwatch?.();
  return status;
}

/** SIGUSR2: another process, with the code and the file as they are now, takes over the sockets. */
class Handover {
  hasSuccessor = false;
  #isUnderWay = false;

  async begin(
    gateway: RunningGateway,
    departure: Departure,
    output: Output,
    options: SuccessorOptions,
  ): Promise<void> {
    const { listen, admin } = gateway.sockets;
    if (departure.hasBegun || this.#isUnderWay || listen === undefined) return;
    this.#isUnderWay = true;
    const sockets = { listen, ...(admin === undefined ? {} : { admin }) };
    try {
      const successor = startSuccessor(gateway.addresses, sockets, options);
      output.tell(`starting a successor, pid ${successor.pid}`);
      const pid = await successor.ready;
      this.hasSuccessor = true;
      output.tell(`successor ${pid} has taken over`);
      departure.ask("handover");
    } catch (error) {
      const rest = departure.hasBegun ? "" : "; this one serves on";
      output.tell(`there is no successor: ${messageOf(error)}${rest}`);
    } finally {
      this.#isUnderWay = false;
    }
  }
}

/** Aborted when the predecessor goes, or when this one is told to stop. */
function successionOf(
  predecessor: AbortSignal | undefined,
  stopped: AbortSignal,
): { readonly succession?: AbortSignal } {
  return predecessor === undefined ? {} : { succession: AbortSignal.any([predecessor, stopped]) };
}

/** As long as nodes as they are now need to be proven. */
function readyMsMaxOf({ health }: GatewayConfig): number {
  const { healthyThreshold, timeoutMs, unhealthyIntervalMs } = health;
  return SUCCESSOR_START_MS_MAX + healthyThreshold * (timeoutMs + unhealthyIntervalMs);
}

function introduction(gateway: RunningGateway, { config, file }: OpenedConfig, hasToken: boolean): string {
  const nodes = config.sites.reduce((count, site) => count + site.nodes.length, 0);
  const { profile, path } = config.health;
  const lines = [
    `anycastle ${VERSION} gateway  ${gateway.url}  config ${file.name}`,
    `  sites ${config.sites.length}, nodes ${nodes}, mode ${config.routing.mode}, health ${profile} on ${path}`,
  ];
  if (gateway.adminUrl !== null) {
    const token = hasToken ? "" : "  (read only: set ANYCASTLE_ADMIN_TOKEN for drains and weights)";
    lines.push(`  admin ${gateway.adminUrl}/status and /metrics${token}`);
  }
  if (config.isWanEmulated)
    lines.push("  WAN emulation is ON: requests are delayed as distance would (`wan`)");
  return lines.join("\n");
}

function addressesOf(
  gateway: RunningGateway,
  { config, file }: OpenedConfig,
): Readonly<Record<string, unknown>> {
  const { url, adminUrl } = gateway;
  return { version: VERSION, url, adminUrl, config: file.path, mode: config.routing.mode };
}

function tellWarning(log: ProcessLog, file: string, { line, column, path, message }: TextProblem): void {
  log.say("warning", `${path}: ${message}`, { event_type: "config.warning", file, at: `${line}:${column}` });
}

function eventsOf(output: Output, { ndjson }: GatewayFlags, log: ProcessLog | undefined): EventSink {
  if (ndjson === true) {
    return {
      emit: (body, atNs = nowNs()) => output.print(JSON.stringify({ atNs, source: "gateway", ...body })),
    };
  }
  return log ?? { emit: (body) => tellStory(output, body) };
}

function tellStory(output: Output, body: EventBody): void {
  const story = storyOf(body);
  if (story !== undefined) output.tell(story.text);
}

/** A secret never comes as a flag: the list of processes shows those. */
function adminToken(file: string | undefined): string | undefined {
  const token = file === undefined ? environmentValue("ANYCASTLE_ADMIN_TOKEN") : readToken(file);
  if (token !== undefined && token.length < TOKEN_LENGTH_MIN) {
    throw new UserError("TOKEN_SHORT", `the admin token has fewer than ${TOKEN_LENGTH_MIN} characters`, {
      hint: "`openssl rand -base64 32` makes a good one",
    });
  }
  return token;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UserError("TOKEN_UNREADABLE", `the admin token cannot be read: ${messageOf(error)}`, {
      hint: "give a file that this user may read to --admin-token-file",
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}
