/**
 * The tree of commands. Each command is a file that adds itself and imports what it needs only when it runs, so that
 * `--help`, `version` and completion stay as fast as the process starts.
 */
import { Command } from "commander";
import { VERSION } from "#core/version.ts";
import { examples } from "./arguments.ts";
import { addCompletion } from "./completion.ts";
import { addConfig } from "./config.ts";
import { addDemo } from "./demo.ts";
import { addDoctor } from "./doctor.ts";
import { addDrain } from "./drain.ts";
import { addEvents } from "./events.ts";
import { addFault } from "./fault.ts";
import { addGateway } from "./gateway.ts";
import { addKill } from "./kill.ts";
import { addLoad } from "./load.ts";
import { addNode } from "./node.ts";
import { addPage } from "./page.ts";
import { addReset } from "./reset.ts";
import { addRevive } from "./revive.ts";
import { addSim } from "./sim.ts";
import { addStatus } from "./status.ts";
import { addTest } from "./test.ts";
import { addVersion } from "./version.ts";
import { addWatch } from "./watch.ts";

export function createProgram(): Command {
  const program = new Command("anycastle")
    .description("An anycast edge that you can knock down and watch heal.")
    .version(VERSION, "-V, --version", "print the version")
    .option("--no-color", "no colours (NO_COLOR and FORCE_COLOR are obeyed too)")
    .helpCommand("help [command]", "help on a command")
    .showSuggestionAfterError()
    // Errors are printed in one place, with a hint and, where asked for, as JSON.
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .addHelpText(
      "after",
      examples(
        ["anycastle demo", "nine sites, a gateway and a simulated Internet, here"],
        ["anycastle kill ny1 --how hang", "freeze New York, from another terminal"],
        ["anycastle test", "ask from 14 cities who serves them, and how fast"],
        ["anycastle gateway -c anycastle.yaml", "the gateway alone, in front of servers of your own"],
      ),
    );
  program.commandsGroup("A running lab:");
  addDemo(program);
  addStatus(program);
  addTest(program);
  addKill(program);
  addRevive(program);
  addDrain(program);
  addReset(program);
  addFault(program);
  addEvents(program);
  addPage(program);
  program.commandsGroup("On their own:");
  addGateway(program);
  addNode(program);
  addLoad(program);
  addSim(program);
  addWatch(program);
  program.commandsGroup("Help with it:");
  addConfig(program);
  addDoctor(program);
  addCompletion(program);
  addVersion(program);
  return program;
}
