/**
 * Which Internet and which sites a static question is asked of: a world file, or flags that amount to the same document.
 *
 *     --world service.yaml
 *     --graph 20250901.as-rel.txt.bz2 --site ny1=13335 --site la1=54113 --prepend la1=2
 *     --generate 10000 --seed 1 --site a=17 --site b=4711
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { openWorld, type OpenWorld } from "#sim/load/open-world.ts";
import { worldDocumentSchema, type WorldDocument } from "#sim/load/world-document.ts";
import { GENERATED_MAX, GENERATED_MIN } from "#sim/topology/generate.ts";
import { integer, seedOption } from "../arguments.ts";
import { checkDocument, checkText } from "../config-file/check-text.ts";
import { showProblems } from "../config-file/show-problems.ts";
import type { Output } from "../output.ts";
import { ReportedError } from "../reported-error.ts";

const AS_MAX = 0xffff_ffff;
const PREPENDS_MAX = 50;
const SEED_DEFAULT = 1;

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
    .option("--world <file>", "graph and sites from a YAML file")
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
        collect("an AS number", 1, AS_MAX),
      ),
    )
    .addOption(
      new Option("--prepend <name=n>", "that site repeats its AS n times more; repeat it").argParser(
        collect("a count", 1, PREPENDS_MAX),
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
      throw new InvalidArgumentError(`It must be name=${what}, such as ny1=13335, from ${min} to ${max}.`);
    }
    return [...before, { name, value }];
  };
}

export async function openWorldOf(flags: WorldFlags, output: Output): Promise<OpenWorld> {
  if (flags.world === undefined) return openWorld(documentOf(flags), ".");
  for (const flag of ["graph", "generate", "site", "prepend"] as const) {
    if (flags[flag] === undefined) continue;
    throw new UserError("WORLD_TWICE", `--world and --${flag} are both given`, {
      hint: "write it into the world file, or leave --world out",
    });
  }
  return openWorld(readWorldFile(flags.world, output), dirname(flags.world));
}

function readWorldFile(path: string, output: Output): WorldDocument {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError("WORLD_UNREADABLE", `the world ${path} cannot be read: ${messageOf(error)}`, {
      hint: "name a YAML file; docs/simulator.md shows one",
      cause: error,
    });
  }
  const checked = checkText(text, worldDocumentSchema);
  if (checked.ok) return checked.value;
  output.tell(showProblems({ name: path, text }, checked.problems, output.paint));
  throw new ReportedError(EXIT.usage);
}

/** The same document, from flags. */
function documentOf({
  graph,
  generate,
  seed = SEED_DEFAULT,
  site = [],
  prepend = [],
}: WorldFlags): WorldDocument {
  if ((graph === undefined) === (generate === undefined)) {
    throw new UserError(
      "WORLD_MISSING",
      "an Internet is asked for, and either --graph, --generate or --world gives it",
      {
        hint: "anycastle sim catchment --generate 10000 --site a=17 --site b=4711",
      },
    );
  }
  if (site.length === 0) {
    throw new UserError("SITE_MISSING", "no site announces anything", {
      hint: "--site ny1=13335 --site la1=54113",
    });
  }
  const unknown = prepend.find(({ name }) => site.every((each) => each.name !== name));
  if (unknown !== undefined) {
    throw new UserError(
      "SITE_UNKNOWN",
      `--prepend ${unknown.name}=${unknown.value}: there is no site "${unknown.name}"`,
      {
        hint: `sites are ${site.map(({ name }) => name).join(", ")}`,
      },
    );
  }
  const checked = checkDocument(
    {
      graph: graph === undefined ? { generate: { ases: generate, seed } } : { file: graph },
      sites: site.map(({ name, value }) => ({
        id: name,
        as: value,
        prepends: prepend.findLast((each) => each.name === name)?.value ?? 0,
      })),
    },
    worldDocumentSchema,
  );
  if (checked.ok) return checked.value;
  const [problem] = checked.problems;
  throw new UserError("WORLD_INVALID", `the flags make no world: ${problem!.path}: ${problem!.message}`, {
    hint: "each --site has a name of its own",
  });
}
