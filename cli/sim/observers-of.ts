/** `--observe`: ASes of which more is told, by number. */
import { InvalidArgumentError, Option } from "commander";
import { UserError } from "#core/errors.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import { AS_MAX } from "#sim/topology/limits.ts";

const OBSERVERS_MAX = 100;

export function observeOption(): Option {
  return new Option(
    "--observe <AS,…>",
    "of these ASes: what they heard, and where their packets went from when on",
  ).argParser(asList);
}

function asList(text: string): number[] {
  const numbers = text
    .split(",")
    .map((part) => Number(/^(?:AS)?(\d{1,10})$/i.exec(part.trim())?.[1] ?? Number.NaN));
  if (numbers.length <= OBSERVERS_MAX && numbers.every((asn) => asn >= 1 && asn <= AS_MAX)) return numbers;
  throw new InvalidArgumentError(`It must be AS numbers such as 3356,174, at most ${OBSERVERS_MAX}.`);
}

/** Throws `UserError` for an AS that the graph does not have. */
export function vertexOfAs({ graph, networkCount, graphName }: OpenWorld, asn: number, flag: string): number {
  const vertex = graph.asn.indexOf(asn);
  if (vertex !== -1 && vertex < networkCount) return vertex;
  throw new UserError("AS_UNKNOWN", `${flag} ${asn}: ${graphName} has no AS ${asn}`, {
    hint: "give an AS of the graph",
  });
}
