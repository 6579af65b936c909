/**
 * The demo by hand: banner, then the live table or event lines, until somebody leaves. The lab reports for itself; what
 * stands here only shows it and passes keys on.
 */
import { messageOf } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import { Lab } from "#lab/lab.ts";
import type { DemoFlags } from "../demo.ts";
import { Departure } from "../departure.ts";
import { eventLine } from "../event-line.ts";
import type { Output } from "../output.ts";
import { DemoMeasurer } from "./demo-measurer.ts";
import { LiveView } from "./live-view.ts";
import { DRAIN_MS, labOptions, started, stopLab } from "./open-lab.ts";

export async function runDemo(output: Output, flags: DemoFlags): Promise<number> {
  const options = labOptions(flags, flags.journal);
  let view: LiveView | undefined;
  const starting = Lab.start(options);
  const departure = new Departure({
    drainMs: DRAIN_MS,
    begin: () => {
      view?.close();
      // What would be sent from now on could only fail.
      starting.then((lab) => lab.measurer?.stopLoad()).catch(() => undefined);
    },
    drain: (why) => stopLab(starting, why, "drain"),
    now: (why) => stopLab(starting, why, "now"),
  });
  const lab = await started(starting, departure);
  if (typeof lab === "number") return lab;
  const measurer = new DemoMeasurer(lab);
  lab.useMeasurer(measurer);
  for (const note of lab.notes) output.tell(note);
  for (const line of banner(lab, options.seed)) output.print(line);
  if (departure.hasBegun) return await departure.done;
  if (output.isTerminal)
    view = new LiveView({ lab, measurer, paint: output.paint, leave: (reason) => departure.ask(reason) });
  else tellEvents(lab, output);
  const isLive = view !== undefined;
  lab.untilReady().catch((error: unknown) => {
    if (!departure.hasBegun && !isLive) output.tell(`not ready: ${messageOf(error)}`);
  });
  const status = await departure.done;
  if (isLive) output.print(`${lab.journal.lastSeq} events; the lab has ended`);
  return status;
}

function banner(lab: Lab, seed: number): string[] {
  const { gatewayUrl, controlUrl } = lab;
  const { port } = new URL(gatewayUrl);
  return [
    `anycastle ${VERSION}  gateway ${gatewayUrl}  control ${controlUrl}  seed ${seed}`,
    `  watch    ${lab.pageLink()}`,
    `  ask      curl -i http://new-york.localhost:${port}/    or from all cities: npx anycastle test`,
    `  break    npx anycastle kill ny1 --how hang             then: npx anycastle revive ny1`,
    "  stop     Ctrl-C (open requests finish), twice: now",
  ];
}

/** No terminal: what is of interest to people, a line each, from the first event on. */
function tellEvents(lab: Lab, output: Output): void {
  const known = lab.journal.since(0);
  const originNs = known[0]?.atNs ?? 0;
  const show = (event: JournalEvent): void => {
    const line = eventLine(event, originNs);
    if (line !== undefined) output.print(line.render(output.paint));
  };
  for (const event of known) show(event);
  lab.journal.subscribe(show);
}
