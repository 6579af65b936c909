/** `anycastle events`: the journal of the running lab, as lines for people or for machines. */
import type { Command } from "commander";
import { EXIT } from "#core/errors.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import { examples, integer } from "./arguments.ts";
import { outputOf } from "./output.ts";

interface EventsFlags {
  readonly follow?: true;
  readonly since: number;
  readonly kind?: readonly string[];
  readonly all?: true;
  readonly ndjson?: true;
}

export function addEvents(program: Command): void {
  program
    .command("events")
    .description("what has happened, and with --follow what happens")
    .option("-f, --follow", "go on until the lab ends")
    .option("--since <seq>", "events after this number", integer(0, Number.MAX_SAFE_INTEGER), 0)
    .option("--kind <kinds...>", "only these, with what is below them: `gateway`, `site.withdrawn`")
    .option("--all", "also what is for machines only, such as 100 ms windows")
    .option("--ndjson", "one JSON document a line: all events, as the journal holds them")
    .addHelpText(
      "after",
      examples(
        ["anycastle events --follow", "the story as it happens"],
        ["anycastle events --kind vantage.moved", "who moved where"],
        ["anycastle events --ndjson > journal.ndjson", "everything, for later"],
      ),
    )
    .action(async (options: EventsFlags, command: Command) => {
      const { LabClient } = await import("#lab/client.ts");
      const { eventLine, machineLine } = await import("./event-line.ts");
      const output = outputOf(command);
      const events = LabClient.find().events(options.since, options.follow === true);
      let originNs: number | undefined;
      try {
        for await (const event of events) {
          originNs ??= event.atNs;
          if (!isWanted(event, options.kind)) continue;
          if (options.ndjson === true) output.print(JSON.stringify(event));
          else {
            const isAll = options.all === true || options.kind !== undefined;
            const line = isAll ? machineLine(event, originNs) : eventLine(event, originNs);
            if (line !== undefined) output.print(line.render(output.paint));
          }
        }
      } catch (error) {
        if (originNs === undefined) throw error;
        output.tell("the lab has gone");
        process.exitCode = EXIT.unreachable;
      }
    });
}

function isWanted(event: JournalEvent, kinds: readonly string[] | undefined): boolean {
  return (
    kinds === undefined || kinds.some((kind) => event.kind === kind || event.kind.startsWith(`${kind}.`))
  );
}
