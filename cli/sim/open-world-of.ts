/** The world a question is asked of: from a world file, or from flags that amount to the same document. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { openWorld, type OpenWorld } from "#sim/load/open-world.ts";
import { worldDocumentSchema, type WorldDocument } from "#sim/load/world-document.ts";
import { checkDocument, checkText } from "../config-file/check-text.ts";
import { showProblems } from "../config-file/show-problems.ts";
import type { Output } from "../output.ts";
import { ReportedError } from "../reported-error.ts";
import type { WorldFlags } from "./world-options.ts";

/** Of what is drawn where no `--seed` is given: the same question has the same answer. */
export const SEED_DEFAULT = 1;

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
