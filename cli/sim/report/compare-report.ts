/** `anycastle sim compare --html`: what one death costs a client, a bar for each way to serve. */
import { markup, type Markup } from "#loadtest/report/markup.ts";
import { cellsOf, COMPARE_LIMITS, NEVER, wayText, type ComparedWay } from "../compared-ways.ts";
import { timeText } from "./time-plane.ts";
import { section, table, type Report } from "./report-page.ts";
import { siteColour } from "./style.ts";

const WIDTH = 600;
const HEIGHT = 22;

export interface CompareReportInput {
  /** `ny1 dies`. */
  readonly title: string;
  readonly ways: readonly ComparedWay[];
  readonly seed: number;
  readonly command: string;
}

export function compareReport({ title, ways, seed, command }: CompareReportInput): Report {
  const runs = ways[0]?.runs.length ?? 0;
  const sorted = ways.toSorted((x, y) => x.figures.lostUs.median - y.figures.lostUs.median);
  const [best] = sorted;
  return {
    title: `${title}: ${ways.length} ways to serve`,
    subtitle: `seen by the vantages of each world; ${runs} runs`,
    answer:
      best === undefined
        ? "Nothing was compared."
        : `Least is lost with ${best.name}: ${lostText(best.figures.lostUs.median)} for a client that is affected, median of the runs.`,
    tiles: ways.map(({ name, figures }) => ({
      name,
      value: lostText(figures.lostUs.median),
      note: `lost by an affected client; ${(100 * figures.affected).toFixed(0)} % are affected`,
      tone: figures.lostUs.median > 0 ? "loss" : "zero",
    })),
    sections: [
      section(
        "What a client loses",
        "Seconds of its requests that fail, mean of the affected clients, median of the runs; the thin line goes to the most of any run.",
        drawBars(ways),
      ),
      section(
        "In figures",
        null,
        table(
          "lrrrrrrr",
          [
            "served by",
            "affected",
            "lost s",
            "most",
            "all served after s",
            "most",
            "RTT before ms",
            "after ms",
          ],
          ways.map(({ name, figures }) => [name, ...cellsOf(figures)]),
        ),
      ),
      section(
        "The ways",
        null,
        table(
          "lll",
          ["served by", "what it is", "how a death is found"],
          ways.map(({ name, service, found }) => [name, wayText(service), found]),
        ),
      ),
    ],
    how: [
      `${runs} runs, seed ${seed}: each draws the moment of the failure between two checks, what resolvers still keep, and every delay of BGP.`,
      "Anycast is played message by message, and packets are followed hop by hop; checks and DNS are laws to draw from.",
    ],
    limits: COMPARE_LIMITS,
    command,
  };
}

function lostText(us: number): string {
  return Number.isFinite(us) ? timeText(us) : NEVER;
}

function drawBars(ways: readonly ComparedWay[]): Markup {
  const finite = ways.flatMap(({ figures }) =>
    Number.isFinite(figures.lostUs.most) ? [figures.lostUs.most] : [],
  );
  const scale = WIDTH / Math.max(1, ...finite);
  return markup`<div class="bars">${ways.map((way, index) => drawBar(way, index, scale))}</div>`;
}

/** What ends only with a repair fills the whole width. */
function drawBar({ name, service, figures }: ComparedWay, index: number, scale: number): Markup {
  const { median, most } = figures.lostUs;
  const x = (us: number): number => (Number.isFinite(us) ? Math.round(us * scale * 10) / 10 : WIDTH);
  return markup`<div class="name">${name}<small>${wayText(service)}</small></div>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${name}: ${lostText(median)}">
<rect class="rule" width="${WIDTH}" height="${HEIGHT}" fill="none"/>
<rect y="2" width="${x(median)}" height="18" fill="${Number.isFinite(median) ? siteColour(index) : "var(--bad)"}"/>
<line x1="${x(median)}" x2="${x(most)}" y1="11" y2="11" stroke="var(--ink)" stroke-width="2"/>
</svg>
<div class="range">${lostText(median)}</div>
`;
}
