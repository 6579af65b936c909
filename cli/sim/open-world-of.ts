/** The world a question is asked of: from a world file, or from flags that amount to the same document. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { checkDocument, checkText } from "#core/checked-text/check-text.ts";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { suggest } from "#core/suggest.ts";
import { openWorld, type OpenWorld } from "#sim/load/open-world.ts";
import { PRESET_NAMES, PRESET_PREFIX } from "#sim/load/preset-names.ts";
import { presetDocument } from "#sim/load/presets.ts";
import { worldDocumentSchema, type WorldDocument } from "#sim/load/world-document.ts";
import { showProblems } from "../config-file/show-problems.ts";
import type { Output } from "../output.ts";
import { ReportedError } from "../reported-error.ts";
import type { WorldFlags } from "./world-options.ts";

/** Of what is drawn where no `--seed` is given: the same question has the same answer. */
export const SEED_DEFAULT = 1;
/** A graph stands in a file of its own; a world of this size has a mistake in its name. */
const WORLD_BYTES_MAX = 4 * 1024 * 1024;

export async function openWorldOf(flags: WorldFlags, output: Output): Promise<OpenWorld> {
  if (flags.world === undefined) return openWorld(documentOf(flags), ".");
  for (const flag of ["graph", "generate", "site", "prepend"] as const) {
    if (flags[flag] === undefined) continue;
    throw new UserError("WORLD_TWICE", `--world and --${flag} are both given`, {
      hint: "write it into the world file, or leave --world out",
    });
  }
  const { document, folder } = readWorld(flags.world, output);
  refuseDns(flags.world, document);
  return openWorld(document, folder);
}

/** Throws `UserError` for a world whose clients find their site by DNS, where anycast is meant. */
export function refuseDns(name: string, { steering, sites }: WorldDocument): void {
  if (steering === "anycast") return;
  throw new UserError("WORLD_BY_DNS", `${name} finds its sites by DNS, and this is about anycast`, {
    hint: `anycastle sim compare --world ${name} --lose ${sites[0]!.id}`,
  });
}

/** The document behind `--world`: a preset's, or a file's. `folder` is where its relative files are. */
export function readWorld(
  name: string,
  output: Output,
): { readonly document: WorldDocument; readonly folder: string } {
  if (!name.startsWith(PRESET_PREFIX))
    return { document: readWorldFile(name, output), folder: dirname(name) };
  const preset = PRESET_NAMES.find((each) => each === name.slice(PRESET_PREFIX.length));
  if (preset !== undefined)
    return { document: worldDocumentSchema.parse(presetDocument(preset)), folder: "." };
  const near = suggest(name.slice(PRESET_PREFIX.length), PRESET_NAMES);
  throw new UserError("PRESET_UNKNOWN", `there is no preset "${name.slice(PRESET_PREFIX.length, 80)}"`, {
    hint: near === undefined ? `presets are ${PRESET_NAMES.join(", ")}` : `did you mean "${near}"?`,
  });
}

function readWorldFile(path: string, output: Output): WorldDocument {
  const text = readWorldText(path);
  const checked = checkText(text, worldDocumentSchema);
  if (checked.ok) return checked.value;
  output.tell(showProblems({ name: path, text }, checked.problems, output.paint));
  throw new ReportedError(EXIT.usage);
}

/** A file that is too long is refused before it is read: nobody writes a world of that size by hand. */
function readWorldText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size <= WORLD_BYTES_MAX) return readFileSync(path, "utf8");
    throw new Error(`it has ${size} bytes, and a world file at most ${WORLD_BYTES_MAX}`);
  } catch (error) {
    throw new UserError("WORLD_UNREADABLE", `the world ${path} cannot be read: ${messageOf(error)}`, {
      hint: `name a YAML file (docs/simulator.md shows one), or ${PRESET_PREFIX}${PRESET_NAMES[0]}`,
      cause: error,
    });
  }
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
