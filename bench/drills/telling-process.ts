/** A process of a drill that tells by lines of JSON on its standard output. */
import { NdjsonReader } from "#core/host/ndjson.ts";
import { BenchProcess } from "../processes.ts";

export function startTelling(
  name: string,
  command: readonly string[],
  onTold: (value: unknown) => void,
): BenchProcess {
  const reader = new NdjsonReader(onTold, () => undefined);
  return new BenchProcess(name, [process.execPath, ...command], { onOutput: (chunk) => reader.push(chunk) });
}
