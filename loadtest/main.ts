/** A process of the cast: one load run (`node bin/cast.js load`). Its result and log are files; its events tell progress. */
import { writeFile } from "node:fs/promises";
import { runChild } from "#core/host/child.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import { watchStalls } from "#core/host/stalls.ts";
import type { LoadConfig } from "#core/wire/cast.ts";
import { countDuplicates } from "./load/executions.ts";
import { loadSchema } from "./load/load-document.ts";
import { summarizeLoad } from "./load/load-result.ts";
import { Loader } from "./load/loader.ts";
import { writeRequestLog } from "./load/request-log.ts";

const STALL_MS = 100;

let loader: Loader | undefined;

runChild<LoadConfig>({
  async start({ document: input }) {
    const document = loadSchema.parse(input);
    const events = new EventChannel("load", process.stdout);
    watchStalls(STALL_MS, (durationMs) =>
      events.emit({ kind: "stall", process: "load", durationMs: Math.round(durationMs) }),
    );
    loader = new Loader(document, events);
    const run = await loader.run();
    const result = summarizeLoad(document, run, await countDuplicates(document.executionUrls));
    await writeRequestLog(document.logFile, run.records.slice(run.warmUpCount));
    await writeFile(document.resultFile, `${JSON.stringify(result)}\n`);
    const { sent, ok, failedTotal: failed, isVoid, voidReasons } = result;
    events.emit({ kind: "load.finished", sent, ok, failed, isVoid, voidReasons });
    process.stdout.write("", () => process.exit(0));
  },
  command(command) {
    if (command.do === "stop") loader?.stop();
  },
  terminate() {
    if (loader === undefined) process.exit(143);
    loader.stop();
  },
});
