/**
 * Where a process that is started by itself tells what happens to it: with `--ndjson` each event as a JSON document a
 * line on standard output, else records or sentences on standard error.
 */
import { EventChannel, type EventSink } from "#core/host/event-channel.ts";
import { nowNs } from "#core/host/clock.ts";
import type { ProcessName } from "#core/wire/events.ts";
import { machineLine } from "./event-line.ts";
import type { Output } from "./output.ts";
import type { ProcessLog } from "./process-log.ts";

export function eventTeller(
  output: Output,
  source: ProcessName,
  isNdjson: boolean,
  log: ProcessLog | undefined,
): EventSink {
  if (isNdjson) return new EventChannel(source, process.stdout);
  if (log !== undefined) return log;
  const originNs = nowNs();
  return {
    emit: (body, atNs = nowNs()) =>
      output.tell(machineLine({ ...body, atNs }, originNs).render((_style, text) => text)),
  };
}
