/**
 * An event as one line for people. `storyOf` is the sentence, or undefined for events that only machines want (100 ms
 * windows, logs of healthy processes); `machineLine` has a sentence for those too.
 */
import type { EventBody } from "#core/wire/events.ts";
import type { Style } from "./output.ts";
import { TextLine } from "./text-line.ts";

export interface Story {
  readonly text: string;
  readonly style: Style | undefined;
}

const NS_PER_S = 1e9;
/** Shorter ones are in the journal, because detection times are read beside them. */
const STALL_TOLD_MS = 200;

/** `+12.345 s  New York …`; `originNs` is what `+0` means. */
export function eventLine(
  event: EventBody & { readonly atNs: number },
  originNs: number,
): TextLine | undefined {
  const story = storyOf(event);
  return story === undefined ? undefined : lineOf(event.atNs, originNs, story);
}

/** Every event has one: where there is no sentence, its fields. */
export function machineLine(event: EventBody & { readonly atNs: number }, originNs: number): TextLine {
  return lineOf(event.atNs, originNs, storyOf(event) ?? { text: fieldsOf(event), style: "dim" });
}

function lineOf(atNs: number, originNs: number, { text, style }: Story): TextLine {
  const seconds = ((atNs - originNs) / NS_PER_S).toFixed(3);
  return new TextLine().add(`${seconds.padStart(9)} s  `, "dim").add(text, style);
}

function fieldsOf(event: EventBody): string {
  const { kind, ...fields } = event;
  const shown = Object.entries(fields)
    .filter(([name]) => name !== "atNs" && name !== "seq" && name !== "source")
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `${kind} ${shown.join(" ")}`;
}

export function storyOf(event: EventBody): Story | undefined {
  return (
    castStory(event) ?? faultStory(event) ?? relayStory(event) ?? networkStory(event) ?? trafficStory(event)
  );
}

function castStory(event: EventBody): Story | undefined {
  switch (event.kind) {
    case "lab.started":
      return plain(`lab started: mode ${event.mode}, seed ${event.seed}`);
    case "lab.ready":
      return good(`all sites are in service, ${event.sinceStartMs} ms after the start`);
    case "lab.stopping":
      return plain(`stopping: ${event.why}`);
    case "process.exited":
      return event.wasAsked && event.signal === null
        ? plain(`process ${event.process} (${event.pid}) has left`)
        : bad(`process ${event.process} (${event.pid}) ended: ${event.signal ?? `status ${event.code}`}`);
    case "process.restarting":
      return warning(`${event.process} starts again in ${event.delayMs} ms (attempt ${event.attempt})`);
    case "process.log":
      return warning(`${event.process} says: ${event.line}`);
    case "stall":
      if (event.durationMs < STALL_TOLD_MS) return undefined;
      return warning(`${event.process} stood still for ${event.durationMs} ms`);
    case "events.dropped":
      return warning(`${event.process} dropped ${event.count} events`);
    case "journal.degraded":
      return bad(`the journal is not written: ${event.reason}; going on in memory`);
    case "journal.recovered":
      return good(`the journal is written again; it lacks ${event.lostCount} events`);
    case "step":
      return {
        text: `${event.name}: ${event.state}${event.detail === "" ? "" : `, ${event.detail}`}`,
        style: "bold",
      };
    default:
      return undefined;
  }
}

function faultStory(event: EventBody): Story | undefined {
  switch (event.kind) {
    case "fault.injected":
      return bad(`${event.how} ${event.target}: ${event.nodes.join(", ")}`);
    case "fault.confirmed":
      return plain(`${event.node}: ${event.how} confirmed (${event.evidence})`);
    case "fault.removed":
      return good(`${event.node}: ${event.how} undone`);
    case "drain.started":
      return warning(`draining ${event.target}`);
    case "drain.finished":
      return plain(`${event.node}: drained after ${event.waitedMs} ms, ${event.requestsOpen} requests open`);
    case "revive.asked":
      return plain(`revive ${event.target}: ${event.nodes.join(", ")}`);
    case "reset.done":
      return good(
        `reset: ${event.nodes.length === 0 ? "nothing was down" : `${event.nodes.join(", ")} back`}`,
      );
    default:
      return undefined;
  }
}

function relayStory(event: EventBody): Story | undefined {
  switch (event.kind) {
    case "relay.proxy":
      // What every start says of every node is no news.
      return event.state === "enabled" ? undefined : warning(`relay: proxy ${event.proxy} is ${event.state}`);
    case "relay.toxic": {
      const { name, toxicity, attributes } = event.toxic;
      const settings = Object.entries({ ...attributes, toxicity }).map(([key, value]) => `${key}=${value}`);
      return event.state === "removed"
        ? good(`relay: ${event.proxy}: ${name} removed`)
        : bad(`relay: ${event.proxy}: ${name} ${event.state} (${settings.join(" ")})`);
    }
    case "relay.turned-away":
      return warning(`relay: ${event.proxy} turns connections away: ${event.reason}`);
    default:
      return undefined;
  }
}

function networkStory(event: EventBody): Story | undefined {
  switch (event.kind) {
    case "router.session":
      return event.state === "up"
        ? plain(`router ${event.site}: session with ${event.node} is up`)
        : bad(`router ${event.site}: session with ${event.node} is down (${event.reason})`);
    case "bfd.session":
      return event.by === "router" ? bfdStory(event) : undefined;
    case "router.refused":
      return warning(`router ${event.site} refused a peer: ${event.reason}`);
    case "site.announced":
      return event.isGracefulShutdown
        ? warning(`${event.site} announces GRACEFUL_SHUTDOWN (${event.nodes.join(", ")})`)
        : good(`${event.site} announced (${event.nodes.join(", ")})`);
    case "site.withdrawn":
      return bad(`${event.site} withdrawn: ${event.reason}`);
    case "vantage.moved":
      return event.to === null
        ? bad(`${event.vantage} has no route (was ${event.from ?? "none"})`)
        : { text: `${event.vantage} now reaches ${event.to} (was ${event.from ?? "none"})`, style: "cyan" };
    case "routes.settled":
      return plain(`routes settled ${event.durationMs} ms after the first change`);
    default:
      return undefined;
  }
}

/** Up is no news: the BGP session comes up with it. What is no detection follows from something else that is told. */
function bfdStory({
  site,
  node,
  state,
  reason,
  detectMs,
}: Extract<EventBody, { kind: "bfd.session" }>): Story | undefined {
  if (state === "up") return undefined;
  const text = `router ${site}: BFD with ${node} is ${state} (${reason})`;
  return detectMs === null ? plain(text) : bad(text);
}

function trafficStory(event: EventBody): Story | undefined {
  switch (event.kind) {
    case "gateway.reload":
      return event.isApplied
        ? good(`gateway: new configuration in force, ${event.changes} changes`)
        : bad(`gateway: configuration refused, the one before stays in force: ${event.reason}`);
    case "gateway.breaker":
      return event.to === "closed"
        ? good(`gateway: breaker of ${event.site} is closed (${event.reason})`)
        : warning(`gateway: breaker of ${event.site} is ${event.to} (${event.reason})`);
    case "gateway.node":
      return {
        text: `gateway: ${event.node} ${event.from} -> ${event.to} (${event.reason})`,
        style: healthStyle(event.to),
      };
    case "gateway.feed":
      return event.state === "live"
        ? good("gateway: catchment feed is live")
        : warning(`gateway: catchment feed lost, last routes stay in force (${event.reason})`);
    case "gateway.traces":
      return warning(`gateway: ${event.lost} spans have not reached the collector (${event.reason})`);
    case "gateway.failed":
      return bad(
        `gateway: ${event.method} from ${event.vantage} failed, ${event.failure} after ${event.attempts} attempts`,
      );
    case "load.started":
      return plain(`load on: ${event.rate} requests/s, ${event.planned} planned`);
    case "load.failed":
      return bad(`load: ${event.method} from ${event.vantage} failed: ${event.reason}`);
    case "load.finished":
      return event.failed === 0
        ? good(`load off: ${event.ok} of ${event.sent} ok`)
        : bad(`load off: ${event.failed} of ${event.sent} failed`);
    case "test.finished":
      return event.failed === 0
        ? good(`test ${event.label}: all ${event.ok} ok`)
        : bad(`test ${event.label}: ${event.failed} failed, ${event.ok} ok`);
    default:
      return undefined;
  }
}

function healthStyle(health: string): Style {
  return health === "healthy" ? "green" : "yellow";
}

function plain(text: string): Story {
  return { text, style: undefined };
}

function good(text: string): Story {
  return { text, style: "green" };
}

function warning(text: string): Story {
  return { text, style: "yellow" };
}

function bad(text: string): Story {
  return { text, style: "red" };
}
