/** `anycastle sim generate`: a generated graph as text that the loader reads back. */
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { UserError } from "#core/errors.ts";
import { Prng } from "#core/prng.ts";
import { VERSION } from "#core/version.ts";
import { asRelLines } from "#sim/topology/as-rel-text.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import type { Output } from "../output.ts";
import type { GenerateFlags } from "./ask-generate.ts";
import { whole } from "./columns.ts";
import { SEED_DEFAULT } from "./open-world-of.ts";
import { WholeFile } from "./write-whole.ts";

const GENERATE_SCHEMA = "anycastle.sim-generate/v1";

export function runGenerate(
  output: Output,
  ases: number,
  { out, force, json, seed = SEED_DEFAULT }: GenerateFlags,
): void {
  if (json === true && out === undefined) {
    throw new UserError(
      "OUT_MISSING",
      "--json tells what was written, and without --out standard output has the graph",
      {
        hint: "add --out internet.txt.gz",
      },
    );
  }
  if (out !== undefined && force !== true && existsSync(out)) {
    throw new UserError("FILE_EXISTS", `${out} is there already`, {
      hint: "name another file, or add --force",
    });
  }
  if (out?.endsWith(".bz2") === true) {
    throw new UserError("FILE_FORM", `${out}: bzip2 is read, but not written`, {
      hint: "name a file that ends in .txt or .gz",
    });
  }
  const graph = generateGraph(ases, new Prng(seed));
  const lines = asRelLines(graph, [
    `anycastle ${VERSION} sim generate ${ases} --seed ${seed}`,
    "<provider-as>|<customer-as>|-1",
    "<peer-as>|<peer-as>|0",
  ]);
  if (out === undefined) {
    for (const line of lines) output.print(line);
    return;
  }
  const file = new WholeFile(out);
  const text = `${[...lines].join("\n")}\n`;
  file.writeBytes(out.endsWith(".gz") ? gzipSync(text) : Buffer.from(text));
  file.finish();
  const links = graph.neighbors.length / 2;
  if (json === true) return output.printJson({ schema: GENERATE_SCHEMA, file: out, seed, ases, links });
  output.tell(`${out}: ${whole(ases)} ASes, ${whole(links)} links`);
}
