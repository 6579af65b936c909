/**
 * `anycastle sim run`: the golden scenario in virtual time: the same policies and world, no process, no waiting.
 * `anycastle sim serve`: the simulated Internet in real time: routers that real nodes peer with, and the feed.
 */
import { Option, type Command } from "commander";
import type { FaultHow } from "#core/wire/faults.ts";
import {
  choice,
  examples,
  hostPort,
  howOption,
  integer,
  logFormatOption,
  logLevelOption,
  seedOption,
  siteOrNode,
} from "./arguments.ts";
import { outputOf } from "./output.ts";
import type { LogFlags } from "./process-log.ts";
import { addQuestions } from "./sim/ask.ts";

const RATE_MAX = 10_000;
const NODES_PER_SITE_MAX = 16;
/** Two octets in OPEN (RFC 4271 §4.2). */
const HOLD_TIME_S_MAX = 65_535;

export interface SimRunFlags {
  readonly how: FaultHow;
  readonly target: string;
  readonly mode: "anycast" | "anycast-only";
  readonly rate: number;
  readonly nodes: number;
  readonly bfd: boolean;
  readonly seed?: number;
  readonly journal?: string;
  readonly json?: true;
}

export interface SimServeFlags extends LogFlags {
  readonly world?: string;
  readonly config?: string;
  readonly listen?: string;
  readonly seed?: number;
  readonly prefix?: string;
  readonly holdTime?: number;
  readonly ndjson?: true;
}

export function addSim(program: Command): void {
  const sim = program
    .command("sim")
    .description("the simulated Internet: in virtual time, or live for nodes of yours")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim run", "New York is killed and comes back, in virtual time"],
        [
          "anycastle sim run --how hang --mode anycast-only --no-bfd",
          "what the bare network loses until the hold timer",
        ],
        ["anycastle sim serve", "nine routers and the catchment feed, in real time"],
      ),
    );
  sim
    .command("run")
    .description("play the golden scenario in virtual time")
    .addOption(howOption())
    .addOption(new Option("--target <site|node>", "what fails").argParser(siteOrNode).default("ny1"))
    .addOption(
      choice(
        "--mode <mode>",
        "with rescue, or what the bare network gives",
        ["anycast", "anycast-only"],
        "anycast",
      ),
    )
    .addOption(
      new Option("--rate <n>", "requests a second from all cities together")
        .argParser(integer(1, RATE_MAX))
        .default(500),
    )
    .addOption(
      new Option("--nodes <n>", "edge nodes of each site")
        .argParser(integer(1, NODES_PER_SITE_MAX))
        .default(2),
    )
    .option("--no-bfd", "no BFD between nodes and routers: silence is noticed by the hold timer alone")
    .addOption(seedOption())
    .option("--journal <file>", "write what happened to this file, one JSON document a line")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      `\nThe same options and seed give the same journal, to the byte: compare its hash.\n${examples(
        ["anycastle sim run --seed 1", "and again: the hash is the same"],
        ["anycastle sim run --how isolate --target ams1", "another way, another site"],
        ["anycastle sim run --journal run.ndjson --json", "everything, for scripts"],
      )}`,
    )
    .action(async (flags: SimRunFlags, command: Command) => {
      const { runSim } = await import("./sim/run-sim.ts");
      runSim(outputOf(command), flags);
    });
  addQuestions(sim);
  addServe(sim);
}

function addServe(sim: Command): void {
  sim
    .command("serve")
    .description("run routers, Internet and catchment feed in real time")
    .option("-c, --config <file>", "its configuration; what is given here and in the environment wins")
    .addOption(
      new Option("--listen <host:port>", "feed and status, and the host of all routers (127.0.0.1:8083)")
        .argParser(hostPort(false))
        .env("ANYCASTLE_SIM_LISTEN"),
    )
    .option(
      "--world <file>",
      "another Internet than the built-in one, with some of the nine sites (docs/simulator.md)",
    )
    .addOption(seedOption())
    .addOption(new Option("--prefix <prefix>", "service prefix (203.0.113.0/24)").env("ANYCASTLE_BGP_PREFIX"))
    .addOption(
      new Option("--hold-time <s>", "hold time offered, 0 or 3 and more (9)")
        .argParser(integer(0, HOLD_TIME_S_MAX))
        .env("ANYCASTLE_BGP_HOLD_TIME"),
    )
    .addOption(logFormatOption())
    .addOption(logLevelOption())
    .option("--ndjson", "events on standard output, one JSON document a line")
    .addHelpText(
      "after",
      `\nWithout a file: a router for each of the nine sites at ports 1791 to 1799, for the nodes ny1-1, ny1-2, la1-1 and so on.\n${examples(
        ["anycastle sim serve", "then `anycastle node --id ny1-1 --bgp-router 127.0.0.1:1791`"],
        [
          "anycastle sim serve -c sim.yaml --seed 1",
          "routers and peers of your own, the same delays each time",
        ],
        ["curl -s localhost:8083/v1/status", "who is connected, who is reached from where"],
      )}`,
    )
    .action(async (flags: SimServeFlags, command: Command) => {
      const { runServe } = await import("./sim/run-serve.ts");
      process.exitCode = await runServe(outputOf(command), flags);
    });
}
