/**
 * One report of the simulator as one HTML file: inline style and drawings, no script, nothing fetched (its own policy
 * forbids it), so it can be mailed, archived, printed and opened years later. Names of sites, files and graphs come from
 * whoever made the world: everything goes through `markup`, which escapes it.
 */
import { VERSION } from "#core/version.ts";
import { markup, Markup } from "#loadtest/report/markup.ts";
import { MODEL_LIMITS } from "../columns.ts";
import { REPORT_STYLE } from "./style.ts";

/** A range does not fit a tile in the letters of one figure. */
const WIDE_CHARS = 9;

export interface ReportTile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: "zero" | "loss";
}

export interface Report {
  readonly title: string;
  /** What was asked, of which world. */
  readonly subtitle: string;
  /** The answer in a sentence or two. */
  readonly answer: string;
  readonly tiles: readonly ReportTile[];
  readonly sections: readonly (Markup | null)[];
  /** How it was computed: sentences. */
  readonly how: readonly string[];
  /** What the figures cannot say, beside the limits of the model. */
  readonly limits: readonly string[];
  /** What was typed. */
  readonly command: string;
}

export function renderReport(report: Report): string {
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${report.title}</title>
<style>${new Markup(REPORT_STYLE)}</style>
</head>
<body>
<main>
<header><div><h1>${report.title}</h1><div class="soft">${report.subtitle}</div></div></header>
<p class="story">${report.answer}</p>
<div class="tiles">${report.tiles.map(renderTile)}</div>
${report.sections}
<div class="halves"><section><h2>How it was computed</h2><ul>
${report.how.map((sentence) => markup`<li>${sentence}</li>`)}
<li>again: <code>${report.command}</code></li></ul></section>
<section><h2>What this cannot say</h2><div class="limits"><p><strong>${MODEL_LIMITS}</strong></p>
${report.limits.map((sentence) => markup`<p>${sentence}</p>`)}</div></section></div>
<footer>Anycastle ${VERSION}, simulated. No packet was sent and no router asked.</footer>
</main>
</body>
</html>
`;
  return page.text;
}

function renderTile({ name, value, note, tone = "zero" }: ReportTile): Markup {
  const classes = `tile${tone === "loss" ? " loss" : ""}${value.length > WIDE_CHARS ? " wide" : ""}`;
  return markup`<div class="${classes}"><div class="name">${name}</div><div class="value">${value}</div><div class="note">${note}</div></div>`;
}

export function section(title: string, note: string | null, ...content: readonly (Markup | null)[]): Markup {
  return markup`<section><h2>${title}</h2>
${note === null ? null : markup`<p class="note">${note}</p>`}
${content}
</section>`;
}

export function legend(items: readonly (readonly [colour: string, label: string])[]): Markup {
  return markup`<div class="legend">${items.map(
    ([colour, label]) => markup`<span><i style="background:${colour}"></i>${label}</span>`,
  )}</div>`;
}

/** `sides`: `l` or `r` for each column, as in tables of the terminal. */
export function table(sides: string, head: readonly string[], rows: readonly (readonly string[])[]): Markup {
  const classOf = (column: number): string => (sides[column] === "r" ? "number" : "");
  return markup`<table><thead><tr>${head.map(
    (title, column) => markup`<th class="${classOf(column)}">${title}</th>`,
  )}</tr></thead>
<tbody>${rows.map(
    (row) =>
      markup`<tr>${row.map((cell, column) => markup`<td class="${classOf(column)}">${cell}</td>`)}</tr>
`,
  )}</tbody></table>`;
}
