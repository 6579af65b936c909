/**
 * The demo by hand: banner, then the live table or event lines, until somebody leaves. The lab reports for itself; what
 * stands here only shows it and passes keys on.
 */
import { messageOf } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { LiveWorld } from "#core/wire/world.ts";
import { defaultOf } from "#lab/cast-plan.ts";
import { Lab, type LabOptions } from "#lab/lab.ts";
import type { DemoFlags } from "../demo.ts";
import { Departure } from "../departure.ts";
import { eventLine } from "../event-line.ts";
import type { Output } from "../output.ts";
import { DemoMeasurer } from "./demo-measurer.ts";
import { LiveView } from "./live-view.ts";
import { DRAIN_MS, labOptions, started, stopLab } from "./open-lab.ts";

export async function runDemo(output: Output, flags: DemoFlags): Promise<number> {
  const world = flags.world === undefined ? undefined : await openLiveWorld(flags.world, output);
  const options = labOptions(flags, flags.journal, world);
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
  for (const line of banner(lab, options)) output.print(line);
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

/** Loaded only when asked for: the simulator's rooms are no part of a lab. */
async function openLiveWorld(name: string, output: Output): Promise<LiveWorld> {
  const { liveWorldOf } = await import("../sim/live-world-of.ts");
  return liveWorldOf(name, output);
}

function banner(lab: Lab, { seed, world }: LabOptions): string[] {
  const { gatewayUrl, controlUrl, places } = lab;
  const { port } = new URL(gatewayUrl);
  const vantages = places.vantages.map(({ vantage }) => vantage);
  const { site } = places.sites[0]!;
  return [
    `anycastle ${VERSION}  gateway ${gatewayUrl}  control ${controlUrl}  seed ${seed}`,
    ...(world === undefined ? [] : [worldLine(world)]),
    `  watch    ${lab.pageLink()}`,
    `  ask      curl -i http://${defaultOf(vantages)}.localhost:${port}/    or from all cities: npx anycastle test`,
    `  break    npx anycastle kill ${site} --how hang             then: npx anycastle revive ${site}`,
    ...(lab.relay === undefined ? [] : [toxicLine(lab.relay.url, site)]),
    "  stop     Ctrl-C (open requests finish), twice: now",
  ];
}

function toxicLine(url: string, site: string): string {
  return `  toxics   toxiproxy-cli -h ${url} toxic add -t latency -a latency=300 ${site}-1     (or any other client of Toxiproxy)`;
}

function worldLine({ name, sites, vantages, network }: LiveWorld): string {
  return `  world    ${name}: ${sites.length} sites, ${vantages.length} vantages, ${network.asn.length} ASes that matter to them`;
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
