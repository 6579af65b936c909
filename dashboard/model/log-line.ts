/**
 * What a process says of itself, as the lines of a log: its standard error, and the events that it reports. As in any
 * log, these are not translated. Stalls are left out: on a busy machine they would be all there is.
 */
import type { JournalEvent } from "../../core/wire/events.ts";

/** Whose log the line belongs to; undefined: the event is no line of a log. */
export function logLineOf(
  event: JournalEvent,
): { readonly process: string; readonly line: string } | undefined {
  const { source } = event;
  switch (event.kind) {
    case "process.log":
      return { process: event.process, line: event.line };
    case "process.started":
      return { process: event.process, line: `started, pid ${event.pid}` };
    case "process.ready":
      return { process: event.process, line: `ready after ${event.sinceStartMs} ms` };
    case "process.exited":
      return { process: event.process, line: `ended: ${event.signal ?? `status ${event.code}`}` };
    case "node.serving":
      return { process: source, line: `${event.state}: ${event.reason}` };
    case "node.cable":
      return { process: source, line: `cable: ${event.state}` };
    case "bgp.session":
      return { process: source, line: `BGP session ${event.state}: ${event.reason}` };
    case "bgp.announced":
      return {
        process: source,
        line: event.isGracefulShutdown ? "announces GRACEFUL_SHUTDOWN" : "announces",
      };
    case "bgp.withdrawn":
      return { process: source, line: `withdraws: ${event.reason}` };
    default:
      return undefined;
  }
}
