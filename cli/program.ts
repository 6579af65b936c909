/**
 * The tree of commands. A command is a file of its name that adds itself, and is loaded only when it is meant: whoever runs
 * one does not pay for the words of the others, and an image may lack the files of commands that it is not made for.
 * What a command needs to run it imports when it runs, so that `--help`, `version` and completion stay fast.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { UserError } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import { examples } from "./arguments.ts";

type Add = (program: Command) => void;

/** By the heading that `--help` shows them under. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, () => Promise<Add>>>>> = {
  "A running lab:": {
    demo: async () => (await import("./demo.ts")).addDemo,
    status: async () => (await import("./status.ts")).addStatus,
    test: async () => (await import("./test.ts")).addTest,
    kill: async () => (await import("./kill.ts")).addKill,
    revive: async () => (await import("./revive.ts")).addRevive,
    drain: async () => (await import("./drain.ts")).addDrain,
    reset: async () => (await import("./reset.ts")).addReset,
    drill: async () => (await import("./drill.ts")).addDrill,
    fault: async () => (await import("./fault.ts")).addFault,
    events: async () => (await import("./events.ts")).addEvents,
    page: async () => (await import("./page.ts")).addPage,
  },
  "On their own:": {
    gateway: async () => (await import("./gateway.ts")).addGateway,
    node: async () => (await import("./node.ts")).addNode,
    load: async () => (await import("./load.ts")).addLoad,
    sim: async () => (await import("./sim.ts")).addSim,
    watch: async () => (await import("./watch.ts")).addWatch,
  },
  "Help with it:": {
    config: async () => (await import("./config.ts")).addConfig,
    doctor: async () => (await import("./doctor.ts")).addDoctor,
    completion: async () => (await import("./completion.ts")).addCompletion,
    version: async () => (await import("./version.ts")).addVersion,
  },
};
/** They tell of all the others. */
const ABOUT_ALL = ["completion"];

const EXAMPLES = [
  ["anycastle demo", "nine sites, a gateway and a simulated Internet, here"],
  ["anycastle kill ny1 --how hang", "freeze New York, from another terminal"],
  ["anycastle test", "ask from 14 cities who serves them, and how fast"],
  ["anycastle gateway -c anycastle.yaml", "the gateway alone, in front of servers of your own"],
  ["anycastle config init", "write an anycastle.yaml to start from"],
] as const;
const EXAMPLES_MAX = 4;

/** For these words of a command line; without them, or where they name no command, all that are here. */
export async function createProgram(words: readonly string[] = []): Promise<Command> {
  const meant = words.find((word) => !word.startsWith("-"));
  const names = Object.values(GROUPS).flatMap((group) => Object.keys(group));
  const here = names.filter(isHere);
  const isOne = meant !== undefined && names.includes(meant) && !ABOUT_ALL.includes(meant);
  if (isOne && !here.includes(meant)) throw absent(meant, here);
  const program = emptyProgram(here);
  for (const [heading, group] of Object.entries(GROUPS)) {
    const wanted = Object.entries(group).filter(([name]) => (isOne ? name === meant : here.includes(name)));
    if (wanted.length > 0) program.commandsGroup(heading);
    for (const add of await Promise.all(wanted.map(([, load]) => load()))) add(program);
  }
  return program;
}

/** Absence is asked of the command's own file: a file that is there and misses another is a bug, and fails as one. */
function isHere(name: string): boolean {
  return existsSync(join(import.meta.dirname, `${name}.ts`));
}

function absent(name: string, here: readonly string[]): UserError {
  return new UserError(
    "COMMAND_ABSENT",
    `\`anycastle ${name}\` is not in this image, which has only ${here.join(", ")}`,
    {
      hint: "the image of the whole product has it: `docker build --file deploy/Dockerfile .`",
    },
  );
}

function emptyProgram(here: readonly string[]): Command {
  const shown = EXAMPLES.filter(([typed]) => here.includes(typed.split(" ")[1]!));
  return (
    new Command("anycastle")
      .description("An anycast edge that you can knock down and watch heal.")
      .version(VERSION, "-V, --version", "print the version")
      .option("--no-color", "no colours (NO_COLOR and FORCE_COLOR are obeyed too)")
      .helpCommand("help [command]", "help on a command")
      .showSuggestionAfterError()
      // Errors are printed in one place, with a hint and, where asked for, as JSON.
      .configureOutput({ outputError: () => undefined })
      .exitOverride()
      .addHelpText("after", examples(...shown.slice(0, EXAMPLES_MAX)))
  );
}
