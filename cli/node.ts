/** `anycastle node`: one edge node by itself: HTTP, health and, where there is a router, a BGP session of its own. */
import { Option, type Command } from "commander";
import { examples, hostPort, integer, logFormatOption, logLevelOption, PORT_MAX } from "./arguments.ts";
import { outputOf } from "./output.ts";
import type { LogFlags } from "./process-log.ts";

const AS_MAX = 4_294_967_294;
const MS_MAX = 600_000;

export interface NodeFlags extends LogFlags {
  readonly config?: string;
  readonly id?: string;
  readonly site?: string;
  readonly listen?: string;
  readonly thinkTime?: number;
  readonly drainQuiet?: number;
  readonly drainMax?: number;
  readonly bgpRouter?: string;
  readonly bgpRouterAs?: number;
  readonly bgpAs?: number;
  readonly bgpId?: string;
  readonly bgpNextHop?: string;
  readonly bgpPrefix?: string;
  readonly bgpHoldTime?: number;
  readonly bgpConnectRetry?: number;
  readonly ndjson?: true;
}

export function addNode(program: Command): void {
  const option = (flags: string, description: string, env: string): Option =>
    new Option(flags, description).env(`ANYCASTLE_${env}`);
  program
    .command("node")
    .description("run one edge node, with BGP to a router of yours")
    .option("-c, --config <file>", "its configuration; what is given here and in the environment wins")
    .addOption(option("--id <id>", "its id: ny1-1", "NODE_ID"))
    .addOption(option("--site <id>", "its site; without it the id without its number", "NODE_SITE"))
    .addOption(
      option("--listen <host:port>", "where HTTP is served (127.0.0.1:9001)", "NODE_LISTEN").argParser(
        hostPort(false),
      ),
    )
    .addOption(
      option("--think-time <ms>", "time a page takes to make (0)", "NODE_THINK_TIME").argParser(
        integer(0, 60_000),
      ),
    )
    .addOption(
      option(
        "--drain-quiet <ms>",
        "leaving: serve until nobody has asked for this long (500)",
        "DRAIN_QUIET",
      ).argParser(integer(0, MS_MAX)),
    )
    .addOption(
      option("--drain-max <ms>", "leaving: and no longer than this (5000)", "DRAIN_MAX").argParser(
        integer(0, MS_MAX),
      ),
    )
    .addOption(
      option(
        "--bgp-router <host:port>",
        "router to announce to; without it nothing is announced",
        "BGP_ROUTER",
      ).argParser(hostPort(false)),
    )
    .addOption(
      option("--bgp-router-as <as>", "AS number of the router (64500)", "BGP_ROUTER_AS").argParser(
        integer(1, AS_MAX),
      ),
    )
    .addOption(
      option("--bgp-as <as>", "AS number of the node; without it the default world's", "BGP_AS").argParser(
        integer(1, AS_MAX),
      ),
    )
    .addOption(
      option(
        "--bgp-id <address>",
        "BGP identifier; without it the default world's, or the next hop",
        "BGP_ID",
      ),
    )
    .addOption(
      option(
        "--bgp-next-hop <address>",
        "next hop of the route; without it the default world's",
        "BGP_NEXT_HOP",
      ),
    )
    .addOption(option("--bgp-prefix <prefix>", "service prefix (203.0.113.0/24)", "BGP_PREFIX"))
    .addOption(
      option("--bgp-hold-time <s>", "hold time offered, 0 or 3 and more (9)", "BGP_HOLD_TIME").argParser(
        integer(0, PORT_MAX),
      ),
    )
    .addOption(
      option(
        "--bgp-connect-retry <ms>",
        "pause before a lost session is tried again (1000)",
        "BGP_CONNECT_RETRY",
      ).argParser(integer(10, MS_MAX)),
    )
    .addOption(logFormatOption())
    .addOption(logLevelOption())
    .option("--ndjson", "events on standard output, one JSON document a line")
    .addHelpText(
      "after",
      `\nCtrl-C or SIGTERM drains it: GRACEFUL_SHUTDOWN, serve until the traffic has gone, withdraw. A second one ends it at once.\n${examples(
        ["anycastle node --id fra-1", "HTTP only, on 127.0.0.1:9001"],
        [
          "anycastle node --id ny1-1 --bgp-router 127.0.0.1:1791",
          "to the first router of `anycastle sim serve`",
        ],
        ["anycastle node -c node.yaml --ndjson", "settings from a file, events for scripts"],
      )}`,
    )
    .action(async (flags: NodeFlags, command: Command) => {
      const { runNode } = await import("./node/run-node.ts");
      process.exitCode = await runNode(outputOf(command), flags);
    });
}
