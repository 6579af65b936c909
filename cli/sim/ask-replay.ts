/** `anycastle sim replay`: a recorded change, looked at at any moment, forwards or backwards, or handed on. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { AS_MAX } from "#sim/topology/limits.ts";
import { duration, examples, hostPort, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";

const AT_MS_MAX = 7 * 24 * 3_600_000;
const PEERS_MAX = 1_000;

export interface ReplayFlags {
  readonly graph?: string;
  /** ms */
  readonly at?: number;
  readonly from?: number;
  readonly to?: number;
  readonly as?: number;
  readonly json?: true;
  readonly csv?: true;
  readonly ndjson?: true;
  readonly mrt?: string;
  readonly peers?: readonly number[];
  readonly prefix: string;
  readonly page?: true;
  readonly listen: string;
}

export function addReplay(sim: Command): void {
  const moment = (flags: string, description: string): Option =>
    new Option(flags, description).argParser(duration(0, AT_MS_MAX));
  sim
    .command("replay")
    .description("a recorded change, at any moment, forwards or backwards; or exported")
    .argument("<file>", "what `--record` of a command wrote")
    .option("--graph <file>", "where the graph of the recording is now, if it has moved")
    .addOption(moment("--at <time>", "the state at this moment after the change began: 12.5s, 300ms"))
    .addOption(moment("--from <time>", "only what happens after this moment"))
    .addOption(moment("--to <time>", "only what happens up to this moment"))
    .addOption(
      new Option("--as <AS>", "what this AS heard and chose, message by message").argParser(
        integer(1, AS_MAX),
      ),
    )
    .option("--json", "as a JSON document")
    .option("--csv", "every event as a line of CSV (RFC 4180)")
    .option("--ndjson", "every event as a JSON document of its own")
    .option("--mrt <file>", "what a route collector heard from --peers, as an MRT file (RFC 6396)")
    .addOption(
      new Option("--peers <AS,AS>", "the ASes that tell the collector their best route").argParser(asList),
    )
    .option("--prefix <prefix>", "the service's prefix in the MRT file", "203.0.113.0/24")
    .option("--page", "in the browser: a timeline to play, stop and pull in both directions")
    .addOption(
      new Option("--listen <host:port>", "where the page is; port 0 takes a free one")
        .argParser(hostPort(false))
        .default("127.0.0.1:0"),
    )
    .addHelpText(
      "after",
      `\nTimes count from when the change began. An MRT file needs a date: the change begins at the Unix epoch, 1970.\n${examples(
        ["anycastle sim replay lost.ndjson", "what happened, and how many went where, when"],
        [
          "anycastle sim replay lost.ndjson --as 3320 --at 12.5s",
          "what one AS heard and chose, and where it stood then",
        ],
        [
          "anycastle sim replay lost.ndjson --mrt updates.mrt --peers 3320,7018",
          "then `bgpdump -m updates.mrt`",
        ],
        ["anycastle sim replay lost.ndjson --page", "as a film, in both directions"],
      )}`,
    )
    .action(async (file: string, flags: ReplayFlags, command: Command) => {
      const { showReplay } = await import("./show-replay.ts");
      await showReplay(outputOf(command), file, flags);
    });
}

function asList(text: string): number[] {
  const numbers = text.split(",").map((part) => (/^\d{1,10}$/.test(part.trim()) ? Number(part) : Number.NaN));
  const isFine = numbers.every((as) => as >= 1 && as <= AS_MAX) && numbers.length <= PEERS_MAX;
  if (isFine && new Set(numbers).size === numbers.length) return numbers;
  throw new InvalidArgumentError(`It must be AS numbers such as 3320,7018, each once, at most ${PEERS_MAX}.`);
}
