/**
 * The flags that say which Internet and which sites a question is asked of. They are declared at every start of the
 * command line and load nothing; `open-world-of.ts` makes a world of them.
 *
 *     --world service.yaml
 *     --world preset:nine-pops
 *     --graph 20250901.as-rel.txt.bz2 --site ny1=13335 --site la1=54113 --prepend la1=2
 *     --generate 10000 --seed 1 --site a=17 --site b=4711
 */
import { InvalidArgumentError, Option, type Command } from "commander";
import { PRESET_NAMES, PRESET_PREFIX } from "#sim/load/preset-names.ts";
import { AS_MAX, GENERATED_MAX, GENERATED_MIN, PREPENDS_MAX } from "#sim/topology/limits.ts";
import { integer, seedOption } from "../arguments.ts";

export interface WorldFlags {
  readonly world?: string;
  readonly graph?: string;
  readonly generate?: number;
  readonly seed?: number;
  readonly site?: readonly NamedNumber[];
  readonly prepend?: readonly NamedNumber[];
}

export interface NamedNumber {
  readonly name: string;
  readonly value: number;
}

export function addWorldOptions(command: Command): Command {
  return command
    .option(
      "--world <file>",
      `graph and sites from a YAML file, or one that is built in: ${PRESET_NAMES.map((name) => PRESET_PREFIX + name).join(", ")}`,
    )
    .option(
      "--graph <file>",
      "AS relationships of CAIDA (.txt, .gz, .bz2); get them from publicdata.caida.org/datasets/as-relationships",
    )
    .addOption(
      new Option("--generate <n>", "an Internet of n ASes by chance instead").argParser(
        integer(GENERATED_MIN, GENERATED_MAX),
      ),
    )
    .addOption(seedOption())
    .addOption(
      new Option("--site <name=AS>", "a site, and the AS it announces from; repeat it").argParser(
        collect("an AS number, such as ny1=13335", 1, AS_MAX),
      ),
    )
    .addOption(
      new Option("--prepend <name=n>", "that site repeats its AS n times more; repeat it").argParser(
        collect("a count, such as ny1=3", 1, PREPENDS_MAX),
      ),
    );
}

function collect(
  what: string,
  min: number,
  max: number,
): (text: string, before?: NamedNumber[]) => NamedNumber[] {
  return (text, before = []) => {
    const [, name, digits] = /^([a-z0-9][a-z0-9-]{0,31})=(\d{1,10})$/.exec(text) ?? [];
    const value = Number(digits);
    if (name === undefined || value < min || value > max) {
      throw new InvalidArgumentError(`It must be name=${what}, from ${min} to ${max}.`);
    }
    return [...before, { name, value }];
  };
}
