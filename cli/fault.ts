/** `anycastle fault`: faults that end by themselves, on the running lab; by hand, and what a drill left. */
import { InvalidArgumentError, type Command } from "commander";
import type { FaultAttributes } from "#core/wire/keeper.ts";
import { duration, examples, siteOrNode } from "./arguments.ts";
import { outputOf } from "./output.ts";

const TTL_MS_MAX = 24 * 3_600_000;

interface AddOptions {
  readonly ttl: number;
  readonly set: FaultAttributes;
  readonly json?: true;
}

export function addFault(program: Command): void {
  const fault = program
    .command("fault")
    .description("faults that end by themselves: add, list, remove, reset")
    .helpCommand(false)
    .addHelpText(
      "after",
      examples(
        ["anycastle fault kinds", "what there is"],
        ["anycastle fault add partition ny1 --ttl 1m", "pull New York's cable for a minute"],
        ["anycastle fault reset", "end all of them, now"],
      ),
    );
  fault
    .command("add")
    .description("inject one, and see that it works")
    .argument("<kind>", "what: `anycastle fault kinds` lists them")
    .argument("<target>", "a site (all its nodes at once) or a node: ny1, ny1-2", siteOrNode)
    .requiredOption("--ttl <time>", "it ends by itself after this: 30s, 5m", duration(1, TTL_MS_MAX))
    .option("--set <name=value>", "an attribute of the kind; may be given again", collected, {})
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      `\nIt is kept by a process of its own, which removes it when its time is over, whatever has become of this command.\n${examples(
        ["anycastle fault add hang ny1-1 --ttl 20s", "freeze a node for 20 s"],
        ["anycastle fault add http_error ny1-1 --ttl 1m --set percent=20", "every fifth answer is a 503"],
        ["anycastle fault reset", "remove all there are, now"],
      )}`,
    )
    .action(async (kind: string, target: string, options: AddOptions, command: Command) => {
      const { runAdd } = await import("./fault/run-fault.ts");
      await runAdd(
        outputOf(command),
        { kind, target, ttlMs: options.ttl, attributes: options.set },
        options.json === true,
      );
    });
  fault
    .command("list")
    .description("those in force, and what is left of others")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle fault list", "what is in force, and how much longer"],
        ["anycastle fault list --json", "for a script"],
      ),
    )
    .action(async (options: { json?: true }, command: Command) => {
      const { runList } = await import("./fault/run-fault.ts");
      await runList(outputOf(command), options.json === true);
    });
  fault
    .command("remove")
    .description("end one, and see that it is gone")
    .argument("<id>", "as `anycastle fault list` names it")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle fault list", "its name"],
        ["anycastle fault remove hang-4659b2a2", "ends it before its time"],
      ),
    )
    .action(async (id: string, options: { json?: true }, command: Command) => {
      const { runRemove } = await import("./fault/run-fault.ts");
      await runRemove(outputOf(command), id, options.json === true);
    });
  fault
    .command("reset")
    .description("end all of them, those of drills too")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle fault reset", "ends with 1 if something is left"],
        ["anycastle fault reset --json", "the same, for a script"],
      ),
    )
    .action(async (options: { json?: true }, command: Command) => {
      const { runReset } = await import("./fault/run-fault.ts");
      await runReset(outputOf(command), options.json === true);
    });
  fault
    .command("kinds")
    .description("all kinds there are")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle fault kinds", "with their other names"],
        ["anycastle fault kinds --json", "for a script"],
      ),
    )
    .action(async (options: { json?: true }, command: Command) => {
      const { runKinds } = await import("./fault/run-fault.ts");
      runKinds(outputOf(command), options.json === true);
    });
}

function collected(text: string, before: FaultAttributes): FaultAttributes {
  const end = text.indexOf("=");
  if (end <= 0 || end === text.length - 1)
    throw new InvalidArgumentError("It must be name=value, such as percent=20.");
  const value = text.slice(end + 1);
  return { ...before, [text.slice(0, end)]: /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value };
}
