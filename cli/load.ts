/**
 * `anycastle load`: an open loop on a fixed plan: latency counts from when a request was due, not from when it was sent.
 * With `--engine` or `--plan`: a named plan by one engine or several in turn, judged against the objectives.
 */
import { InvalidArgumentError, Option, type Command } from "commander";
import { suggest } from "#core/suggest.ts";
import { ENGINE_NAMES, type EngineName } from "#core/wire/engine-result.ts";
import { PLAN_MEANING, PLAN_NAMES, type PlanName } from "#loadtest/engines/load-plan.ts";
import { choice, duration, examples, integer, seedOption, vantageList } from "./arguments.ts";
import { outputOf } from "./output.ts";

const RATE_MAX = 5_000;
const DURATION_MS_MAX = 24 * 3_600_000;
/** A machine that does nothing else keeps this easily; on one that is shared, people may ask for less. */
const LAG_GATE_MS = 2;
const LAG_GATE_MS_MAX = 10_000;

const PLANS = PLAN_NAMES.map((name) => `  ${name.padEnd(10)}${PLAN_MEANING[name]}`).join("\n");

export interface LoadFlags {
  readonly url?: string;
  readonly rate: number;
  readonly duration: number;
  readonly warmUp: number;
  readonly vantages?: string[];
  readonly lagGate: number;
  readonly seed?: number;
  readonly json?: true;
  readonly log?: string;
  readonly iMayLoadThisHost?: true;
  readonly engine?: EngineName[];
  readonly plan?: PlanName;
}

export function addLoad(program: Command): void {
  program
    .command("load")
    .description("send requests at a fixed rate and say honestly what happened to each")
    .option("--url <url>", "where to; without it the gateway of the running lab")
    .option("--rate <n>", "requests a second from all cities together", integer(1, RATE_MAX), 100)
    .addOption(
      new Option("--duration <time>", "30s, 2m, 500ms")
        .argParser(duration(100, DURATION_MS_MAX))
        .default(10_000, "10s"),
    )
    .addOption(
      new Option("--warm-up <time>", "sent before and not counted")
        .argParser(duration(0, 600_000))
        .default(0, "none"),
    )
    .option("--vantages <cities>", "only from these: new-york,london", vantageList)
    .addOption(
      new Option("--lag-gate <time>", "void when p99.9 of real minus planned send time is above this")
        .argParser(duration(1, LAG_GATE_MS_MAX))
        .default(LAG_GATE_MS, `${LAG_GATE_MS}ms`),
    )
    .addOption(seedOption())
    .option("--log <file>", "keep the record of every request")
    .option("--json", "as a JSON document")
    .option("--i-may-load-this-host", "needed above 50 requests/s to a host that is not this machine")
    .optionsGroup("Judged, and by other engines:")
    .option(
      "--engine <names>",
      `the same plan by each of these in turn, one table: ${ENGINE_NAMES.join(",")}`,
      engineList,
    )
    .addOption(choice("--plan <name>", `which plan: ${PLAN_NAMES.join(", ")} (below)`, PLAN_NAMES))
    .addHelpText(
      "after",
      `\nExit status 1 when a request failed or the run is void (this machine was too busy to keep the plan).
With --engine or --plan: 99 when an objective was missed (0.05 % failed, none in failover; p99 1 s), 1 when void.\n\nPlans:\n${PLANS}\n${examples(
        ["anycastle load", "100 requests/s for 10 s to the running lab"],
        ["anycastle load --url http://127.0.0.1:8080 --json", "another gateway, result for scripts"],
        ["anycastle load --plan failover --duration 1m", "New York dies and comes back meanwhile"],
        ["anycastle load --engine builtin,k6,autocannon", "what each of them sees of the same plan"],
      )}`,
    )
    .action(async (flags: LoadFlags, command: Command) => {
      const { runLoad } = await import("./load/run-load-command.ts");
      process.exitCode = await runLoad(outputOf(command), flags);
    });
}

function engineList(text: string): EngineName[] {
  const names = [...new Set(text.split(",").map((name) => name.trim().toLowerCase()))];
  for (const name of names) {
    if ((ENGINE_NAMES as readonly string[]).includes(name)) continue;
    const near = suggest(name, ENGINE_NAMES);
    throw new InvalidArgumentError(
      `It must be one or more of ${ENGINE_NAMES.join(",")}.${near === undefined ? "" : ` Did you mean ${near}?`}`,
    );
  }
  return names as EngineName[];
}
