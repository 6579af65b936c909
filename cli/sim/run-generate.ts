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

export function runGenerate(
  output: Output,
  ases: number,
  { out, force, seed = SEED_DEFAULT }: GenerateFlags,
): void {
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
  output.tell(`${out}: ${whole(ases)} ASes, ${whole(graph.neighbors.length / 2)} links`);
}
