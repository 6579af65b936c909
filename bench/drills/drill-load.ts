/** The load of a drill: the open-loop load of the cast as a process of its own, and its result. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoadResult } from "#core/wire/measure.ts";
import { BenchProcess } from "../processes.ts";

const CAST = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));

export interface DrillLoad {
  readonly result: Promise<LoadResult>;
  /** The plan ends here. */
  stop(): void;
}

export function startLoad(options: {
  readonly directory: string;
  readonly port: number;
  readonly ratePerS: number;
  readonly seconds: number;
  readonly postPercent: number;
  readonly seed: number;
}): DrillLoad {
  const { directory, port, ratePerS: rate, seconds, postPercent, seed } = options;
  const resultFile = join(directory, "load.json");
  const document = {
    url: `http://127.0.0.1:${port}/`,
    rate,
    durationMs: seconds * 1_000,
    vantages: [{ vantage: "drill", host: `127.0.0.1:${port}` }],
    freshPercent: 50,
    postPercent,
    timeoutMs: 20_000,
    seed,
    resultFile,
    logFile: join(directory, "load.log"),
  };
  const child = new BenchProcess("load", [process.execPath, CAST, "load"], {
    input: `${JSON.stringify({ process: "load", document })}\n`,
  });
  return {
    result: child.exited.then(() => {
      try {
        return JSON.parse(readFileSync(resultFile, "utf8")) as LoadResult;
      } catch (error) {
        throw new Error(`the load left no result: ${child.log.slice(-2_000)}`, { cause: error });
      } finally {
        rmSync(resultFile, { force: true });
      }
    }),
    stop: () => child.tell({ do: "stop" }),
  };
}
