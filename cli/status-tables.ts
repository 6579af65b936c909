/** The two tables of a lab, for `status` and the live view: sites with their nodes, cities with who serves them. */
import type { LabStatus, NodeStatus, SiteStatus, VantageStatus } from "#core/wire/control.ts";
import type { Style } from "./output.ts";
import { TextLine } from "./text-line.ts";

/** Up to here a time to first byte is shown as good, and from the second on as bad. */
const TTFB_GOOD_MS = 100;
const TTFB_BAD_MS = 500;
const CITY_WIDTH = 15;
export const CITY_CELL_WIDTH = 38;

export function statusHead(status: LabStatus): TextLine[] {
  const feed = status.feed === "live" ? "" : "  catchments are stale: the simulator is out of touch";
  return [
    new TextLine()
      .add("anycastle", "bold")
      .add(` ${status.version}  mode ${status.mode}  seed ${status.seed}  pid ${status.pid}`)
      .add(feed, "yellow"),
    new TextLine().add(`gateway ${status.gatewayUrl}  control ${status.controlUrl}`),
  ];
}

/** BFD of each node with its router, in a line: how many are up, and what of the others is known. */
export function bfdLine({ sites }: LabStatus): TextLine {
  const nodes = sites.flatMap((site) => site.nodes);
  if (nodes.every(({ bfd }) => bfd === undefined)) {
    return new TextLine().add("BFD off: silence is noticed by the hold timer", "yellow");
  }
  const others = nodes
    .filter(({ bfd }) => bfd !== "up")
    .map(({ node, bfd }) => `${node} ${bfd ?? "unheard of"}`);
  const line = new TextLine().add(`BFD up with ${nodes.length - others.length} of ${nodes.length} nodes`);
  return others.length === 0 ? line : line.add(`: ${others.join(", ")}`, "yellow");
}

export interface ArmedTarget {
  readonly site: string;
  /** Undefined: the whole site. */
  readonly node?: string | undefined;
}

export function siteTable(status: LabStatus, armed?: ArmedTarget): TextLine[] {
  const head = new TextLine().add("  # SITE  CITY", "dim").tab(24).add("ROUTE", "dim");
  const lines = [head.tab(35).add("NODES: as the gateway sees them, process", "dim")];
  for (const [index, site] of status.sites.entries()) lines.push(siteLine(index, site, armed));
  return lines;
}

function siteLine(index: number, site: SiteStatus, armed: ArmedTarget | undefined): TextLine {
  const isArmed = armed?.site === site.site;
  const line = new TextLine()
    .add(isArmed ? "> " : "  ", "red")
    .add(`${index + 1} `, "dim")
    .add(site.site, isArmed && armed.node === undefined ? ["bold", "red"] : "bold")
    .tab(10)
    .add(site.city)
    .tab(24);
  addRoute(line, site);
  line.tab(35);
  for (const node of site.nodes) {
    const isTarget = isArmed && armed.node === node.node;
    line.add(node.node, isTarget ? ["bold", "red"] : undefined).add(" ");
    const { word, style } = nodeState(node);
    line
      .add(word, style)
      .add(node.pid === null ? "" : ` ${node.pid}`, "dim")
      .add("  ");
  }
  return line;
}

function addRoute(line: TextLine, site: SiteStatus): void {
  if (!site.isAnnounced) line.add("withdrawn", "red");
  else if (site.isGracefulShutdown) line.add("graceful", "yellow");
  else line.add("announced", "green");
}

/** The most telling word: what was done to it (and whether the gateway still gives it traffic), else what it says of itself, else what the gateway thinks. */
function nodeState(node: NodeStatus): { word: string; style: Style } {
  if (node.fault !== null) {
    return { word: `${node.fault} (${node.gateway === "healthy" ? "in" : "out"})`, style: "red" };
  }
  if (node.process !== "running") return { word: node.process, style: "yellow" };
  if (node.serving === "draining") return { word: "draining", style: "yellow" };
  if (node.gateway === "healthy") {
    if (node.bgp === "down") return { word: "bgp down", style: "yellow" };
    // Its silence would be noticed by the hold timer only.
    if (node.bfd === "down") return { word: "bfd down", style: "yellow" };
    return { word: "healthy", style: "green" };
  }
  return { word: node.gateway, style: node.gateway === "unproven" ? "dim" : "yellow" };
}

export interface CityTableOptions {
  readonly columns: number;
  /** Median time to first byte of the last test; undefined: not tested. Absent: no such column. */
  readonly ttfbMsOf?: (vantage: string) => number | undefined;
}

/** Cities fill the first column before the second, as in a list that was folded. */
export function cityTable(status: LabStatus, { columns, ttfbMsOf }: CityTableOptions): TextLine[] {
  const rowCount = Math.ceil(status.vantages.length / columns);
  const head = new TextLine();
  for (let column = 0; column < columns; column++) {
    head
      .tab(column * CITY_CELL_WIDTH)
      .add(`  CITY           SITE     RTT${ttfbMsOf === undefined ? "" : "   TTFB"}`, "dim");
  }
  const lines = [head];
  for (let row = 0; row < rowCount; row++) {
    const line = new TextLine();
    for (let column = 0; column < columns; column++) {
      const vantage = status.vantages[column * rowCount + row];
      if (vantage === undefined) continue;
      line.tab(column * CITY_CELL_WIDTH).append(cityCell(vantage, ttfbMsOf));
    }
    lines.push(line);
  }
  return lines;
}

function cityCell(vantage: VantageStatus, ttfbMsOf: CityTableOptions["ttfbMsOf"]): TextLine {
  const cell = new TextLine().add(`  ${vantage.city.slice(0, CITY_WIDTH)}`).tab(2 + CITY_WIDTH);
  if (vantage.site === null) return cell.add("unreachable", "red");
  const rtt = vantage.rttUs === null ? "" : (vantage.rttUs / 1000).toFixed(1);
  cell.add(vantage.site.padEnd(5), "bold").add(rtt.padStart(7), "dim");
  if (ttfbMsOf === undefined) return cell;
  const ttfbMs = ttfbMsOf(vantage.vantage);
  const ttfb = ttfbMs === undefined ? "" : `${Math.round(ttfbMs)}`;
  return cell.add(ttfb.padStart(7), ttfbStyle(ttfbMs));
}

function ttfbStyle(ttfbMs: number | undefined): Style {
  if (ttfbMs === undefined) return "dim";
  if (ttfbMs < TTFB_GOOD_MS) return "green";
  return ttfbMs < TTFB_BAD_MS ? "yellow" : "red";
}
