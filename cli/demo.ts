/**
 * `anycastle demo` (`npm start`): nine sites, a gateway and a simulated Internet as processes on this machine. In a
 * terminal a live table with keys, elsewhere a line for each event of interest; with `--script` the golden scenario,
 * unattended and judged (`demo-script.ts`).
 */
import { Option, type Command } from "commander";
import { UserError } from "#core/errors.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import { choice, examples, howOption, integer, PORT_MAX, seedOption, siteOrNode } from "./arguments.ts";
import { outputOf } from "./output.ts";

/** The lab's own bound: 9 x 8 processes. */
const NODES_PER_SITE_MAX = 8;
const RATE_MAX = 5_000;

export interface DemoFlags {
  readonly nodes: number;
  readonly port?: number;
  readonly controlPort?: number;
  readonly listen: string;
  readonly mode: "anycast" | "anycast-only" | "nearest";
  readonly bfd: boolean;
  readonly seed?: number;
  readonly journal?: string;
  readonly world?: string;
  /** True: the default port, or the next free one. */
  readonly toxiproxy?: number | true;
  readonly script?: true;
  readonly how: FaultHow;
  readonly target: string;
  readonly rate: number;
  readonly strict?: true;
  readonly report?: string;
}

export function addDemo(program: Command): void {
  program
    .command("demo")
    .description("start nine sites, a gateway and a simulated Internet, here")
    .addOption(
      new Option("--nodes <n>", "edge nodes of each site")
        .argParser(integer(1, NODES_PER_SITE_MAX))
        .env("ANYCASTLE_NODES")
        .default(2),
    )
    .addOption(
      new Option("--port <n>", "the gateway's port, 0 for any; without it 8080 or the next free one")
        .argParser(integer(0, PORT_MAX))
        .env("ANYCASTLE_PORT"),
    )
    .addOption(
      new Option(
        "--control-port <n>",
        "the lab's control port, 0 for any; without it 8081 or the next free one",
      )
        .argParser(integer(0, PORT_MAX))
        .env("ANYCASTLE_CONTROL_PORT"),
    )
    .addOption(
      new Option(
        "--listen <address>",
        "address of gateway and control; others than loopback can reach it then",
      )
        .env("ANYCASTLE_LISTEN_ADDRESS")
        .default("127.0.0.1"),
    )
    .addOption(
      choice(
        "--mode <mode>",
        "routing: with rescue, or what the bare network gives (anycast-only)",
        ["anycast", "anycast-only", "nearest"],
        "anycast",
      ),
    )
    .option("--no-bfd", "no BFD between nodes and routers: silence is noticed by the hold timer alone")
    .addOption(seedOption())
    .option(
      "--world <file>",
      "another Internet than the built-in one: a YAML file with a graph, some of the nine sites, and vantages (docs/simulator.md)",
    )
    .addOption(
      new Option(
        "--toxiproxy [port]",
        "a relay before every node, and Toxiproxy's API to break it with, on this host only; without a number 8474 or the next free one (docs/toxiproxy.md)",
      ).argParser(integer(0, PORT_MAX)),
    )
    .option("--journal <file>", "also write everything that happens to this file, one JSON document a line")
    .optionsGroup("The golden scenario:")
    .option("--script", "play it unattended, judge it, write a report")
    .addOption(howOption())
    .addOption(new Option("--target <site|node>", "what fails").argParser(siteOrNode).default("ny1"))
    .addOption(
      new Option("--rate <n>", "requests a second from all cities together")
        .argParser(integer(1, RATE_MAX))
        .default(500),
    )
    .option("--strict", "times count too: within 2 ms and 10 % of what was computed")
    .option("--report <dir>", "where report.html, report.md, report.json and the journal go")
    .addHelpText(
      "after",
      `\nKeys in the live table: digits arm a site, Enter makes it fail, r revives, t tests, q quits, h helps.
Exit status of --script: 0 held, 99 missed, 1 void (the box was too noisy to say) or failed.\n${examples(
        ["anycastle demo", "the live table; Ctrl-C ends it"],
        ["anycastle demo --world examples/world-generated.yaml", "on a generated Internet of 5,000 ASes"],
        ["anycastle demo --script --how hang", "New York freezes, unattended"],
        ["anycastle demo --script --mode anycast-only --report out", "what the bare network loses"],
      )}`,
    )
    .action(async (flags: DemoFlags, command: Command) => {
      const output = outputOf(command);
      if (flags.script === true) {
        refuseWorld(flags);
        refuseRelay(flags);
        const { runScripted } = await import("./demo/run-scripted.ts");
        process.exitCode = await runScripted(output, { ...flags, mode: scriptMode(flags.mode) });
      } else {
        const { runDemo } = await import("./demo/run-demo.ts");
        process.exitCode = await runDemo(output, flags);
      }
    });
}

/** What the scenario expects, and the times it is held to, are the default world's. */
function refuseWorld({ world }: DemoFlags): void {
  if (world === undefined) return;
  throw new UserError(
    "WORLD_UNFIT",
    "--script plays the golden scenario, which is about the built-in world",
    {
      hint: "leave --world out, or leave --script out and break it by hand",
    },
  );
}

/** Its times are those of the nodes' own sockets: a relay accepts where a dead node would refuse. */
function refuseRelay({ toxiproxy }: DemoFlags): void {
  if (toxiproxy === undefined) return;
  throw new UserError("RELAY_UNFIT", "--script measures the nodes themselves, not a relay before them", {
    hint: "leave --toxiproxy out, or leave --script out and break it by hand",
  });
}

/** The scenario is about BGP's choice: without it there is nothing to predict. */
function scriptMode(mode: DemoFlags["mode"]): "anycast" | "anycast-only" {
  if (mode !== "nearest") return mode;
  throw new UserError("MODE_UNFIT", "--script has no meaning in mode nearest, in which BGP decides nothing", {
    hint: "use --mode anycast or --mode anycast-only",
  });
}
