/** An edge node as a command: settings, the node, a gentle end. The same class that a lab starts as a process. */
import { codeOf, EXIT, messageOf, UserError } from "#core/errors.ts";
import { nowMs } from "#core/host/clock.ts";
import { VERSION } from "#core/version.ts";
import type { NodeConfig } from "#core/wire/cast.ts";
import { nodeConfigOf, nodeSchema } from "#edge-nodes/config.ts";
import { EdgeNode } from "#edge-nodes/edge-node.ts";
import { openSettings, type GivenSetting } from "../config-file/settings.ts";
import { Departure } from "../departure.ts";
import { eventTeller } from "../event-teller.ts";
import type { NodeFlags } from "../node.ts";
import type { Output } from "../output.ts";
import { tellingErrors, withLog, type ProcessLog } from "../process-log.ts";

export function runNode(output: Output, flags: NodeFlags): Promise<number> {
  return withLog(output, flags, (its, log) => run(its, flags, log));
}

async function run(output: Output, flags: NodeFlags, log: ProcessLog | undefined): Promise<number> {
  const startedMs = nowMs();
  const { value, file } = openSettings(tellingErrors(output, log), {
    command: "anycastle node",
    file: flags.config,
    schema: nodeSchema,
    given: givenIn(flags),
  });
  const config = nodeConfigOf(value);
  const isNdjson = flags.ndjson === true;
  const events = eventTeller(output, config.node, isNdjson, log);
  const left = Promise.withResolvers<void>();
  const node = new EdgeNode(config, events, left.resolve);
  const departure = new Departure({
    drainMs: config.drain.maxMs,
    ...(log === undefined ? {} : { tell: output.tell }),
    drain: async () => {
      node.terminate();
      await left.promise;
    },
    now: async () => undefined, // The process ends with what it holds: nothing of a node outlives it.
  });
  try {
    await node.start();
  } catch (error) {
    throw listenError(error, config);
  }
  const isQuiet = isNdjson || log !== undefined;
  (isQuiet ? output.tell : output.print)(introduction(config, node.port, file?.name));
  const sinceStartMs = Math.round(nowMs() - startedMs);
  events.emit({ kind: "process.ready", process: config.node, pid: process.pid, sinceStartMs });
  return await departure.done;
}

function givenIn(flags: NodeFlags): GivenSetting[] {
  return [
    { flag: "--id", path: "id", value: flags.id },
    { flag: "--site", path: "site", value: flags.site },
    { flag: "--listen", path: "listen", value: flags.listen },
    { flag: "--think-time", path: "thinkTimeMs", value: flags.thinkTime },
    { flag: "--drain-quiet", path: "drain.quietMs", value: flags.drainQuiet },
    { flag: "--drain-max", path: "drain.maxMs", value: flags.drainMax },
    { flag: "--bgp-router", path: "bgp.router", value: flags.bgpRouter },
    { flag: "--bgp-router-as", path: "bgp.routerAs", value: flags.bgpRouterAs },
    { flag: "--bgp-as", path: "bgp.localAs", value: flags.bgpAs },
    { flag: "--bgp-id", path: "bgp.bgpId", value: flags.bgpId },
    { flag: "--bgp-next-hop", path: "bgp.nextHop", value: flags.bgpNextHop },
    { flag: "--bgp-prefix", path: "bgp.prefix", value: flags.bgpPrefix },
    { flag: "--bgp-hold-time", path: "bgp.holdTimeS", value: flags.bgpHoldTime },
    { flag: "--bgp-connect-retry", path: "bgp.connectRetryMs", value: flags.bgpConnectRetry },
  ];
}

function introduction(config: NodeConfig, port: number, file: string | undefined): string {
  const { node, site, host, bgp } = config;
  const from = file === undefined ? "" : `  config ${file}`;
  const first = `anycastle ${VERSION} node ${node} of ${site}  http://${urlHost(host)}:${port}${from}`;
  if (bgp === undefined) return `${first}\n  no BGP: nothing is announced (--bgp-router)`;
  const peer = `AS ${bgp.routerAs} at ${bgp.routerHost}:${bgp.routerPort}`;
  return `${first}\n  BGP AS ${bgp.localAs}, id ${bgp.bgpId}, to ${peer}: ${bgp.prefix} via ${bgp.nextHop}`;
}

function listenError(error: unknown, { host, httpPort }: NodeConfig): UserError {
  const isBusy = codeOf(error) === "EADDRINUSE";
  const why = isBusy ? "another process does already" : messageOf(error);
  const hint = isBusy
    ? `choose another with --listen, or find its holder with \`ss -ltnp 'sport = :${httpPort}'\``
    : "give host:port of an address of this machine to --listen";
  return new UserError(
    isBusy ? "PORT_BUSY" : "LISTEN_FAILED",
    `the node cannot listen on ${host}:${httpPort}: ${why}`,
    {
      hint,
      exitCode: EXIT.usage,
      cause: error,
    },
  );
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
