/** `anycastle sim run`: the golden scenario in virtual time: the same policies and world, no process, no waiting. */
import { Option, type Command } from "commander";
import type { FaultHow } from "#core/wire/faults.ts";
import { choice, examples, howOption, integer, seedOption, siteOrNode } from "./arguments.ts";
import { outputOf } from "./output.ts";

const RATE_MAX = 10_000;
const NODES_PER_SITE_MAX = 16;

export interface SimRunFlags {
  readonly how: FaultHow;
  readonly target: string;
  readonly mode: "anycast" | "anycast-only";
  readonly rate: number;
  readonly nodes: number;
  readonly seed?: number;
  readonly journal?: string;
  readonly json?: true;
}

export function addSim(program: Command): void {
  const sim = program
    .command("sim")
    .description("the simulated Internet, without any process")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim run", "New York is killed and comes back, in virtual time"],
        [
          "anycastle sim run --how hang --mode anycast-only",
          "what the bare network loses until the hold timer",
        ],
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
}
