/** The flags of `anycastle sim withdraw`. */
import { Option, type Command } from "commander";
import type { Detection } from "#sim/change/detection.ts";
import { AS_MAX } from "#sim/topology/limits.ts";
import { choice, duration, examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addChangeOptions, type ChangeFlags } from "./change-options.ts";
import { detectionOf } from "./detection-of.ts";
import { LOSS_FLAGS, LOSS_WAYS, type LossWay } from "./withdraw-ways.ts";

const SEEDS_DEFAULT = 5;
const WAIT_MS_MAX = 24 * 3_600_000;
const FLAPS_MAX = 100;

export interface WithdrawFlags extends ChangeFlags {
  readonly lose: string;
  readonly how: LossWay;
  readonly detection?: Detection;
  /** ms, all of these. */
  readonly wait?: number;
  readonly down?: number;
  readonly up?: number;
  readonly times?: number;
  readonly session?: number;
}

export function addWithdraw(sim: Command): void {
  const withdraw = sim
    .command("withdraw")
    .description("a site goes: what its clients go through, moment by moment, until all have another");
  addChangeOptions(withdraw, SEEDS_DEFAULT)
    .requiredOption("--lose <site>", "the site that goes")
    .addOption(
      choice(
        "--how <way>",
        "it fails; it leaves by GRACEFUL_SHUTDOWN and then withdraws; it goes and comes back again and again; one of its sessions is reset",
        LOSS_WAYS,
        "fail",
      ),
    )
    .addOption(
      new Option(
        "--detection <how>",
        "fail: 0 for an orderly withdrawal, 300ms fixed, or drawn: hold:90s, bfd:3x300ms, check:5s/1s/3 (every, after a failure, failures); the world's checks, or 0",
      ).argParser(detectionOf),
    )
    .addOption(
      new Option(
        "--wait <time>",
        `graceful-shutdown: so long until it withdraws; ${LOSS_FLAGS.wait.text}`,
      ).argParser(duration(0, WAIT_MS_MAX)),
    )
    .addOption(
      new Option("--times <n>", `flap: so often; ${LOSS_FLAGS.times.text}`).argParser(integer(1, FLAPS_MAX)),
    )
    .addOption(
      new Option("--down <time>", `flap, reset: away for so long; ${LOSS_FLAGS.down.text}`).argParser(
        duration(0, WAIT_MS_MAX),
      ),
    )
    .addOption(
      new Option("--up <time>", `flap: there again for so long; ${LOSS_FLAGS.up.text}`).argParser(
        duration(0, WAIT_MS_MAX),
      ),
    )
    .addOption(
      new Option("--session <AS>", "reset: the neighbour at the other end").argParser(integer(1, AS_MAX)),
    )
    .addHelpText(
      "after",
      examples(
        ["anycastle sim withdraw --world service.yaml --lose ny1 --detection bfd:3x300ms", "with BFD"],
        [
          "anycastle sim withdraw --world service.yaml --lose ny1 --how flap --times 4 --damping cisco=20%",
          "who is punished, and how long",
        ],
        [
          "anycastle sim withdraw --world preset:nine-pops --lose ny1 --record lost.ndjson",
          "then `anycastle sim replay lost.ndjson`",
        ],
      ),
    )
    .action(async (flags: WithdrawFlags, command: Command) => {
      const { showWithdraw } = await import("./show-withdraw.ts");
      await showWithdraw(outputOf(command), flags);
    });
}
