/** What the simulator's reports add to the style sheet of all reports: colours of sites, map, bars and curve. */
import { STYLE } from "#loadtest/report/style.ts";

/** Sites beyond these take the colours from the start again; each is named wherever it is drawn. */
const LIGHT = [
  "#1f5fd0",
  "#d9661f",
  "#157a4a",
  "#8a3fc4",
  "#c8262c",
  "#0f8a94",
  "#a86200",
  "#c2358a",
  "#5b6b1a",
  "#5361d8",
];
const DARK = [
  "#6aa2ff",
  "#f59a5c",
  "#4fc98c",
  "#c194ff",
  "#ff7b78",
  "#54cbd4",
  "#e5b04a",
  "#f285c2",
  "#b3c45a",
  "#9aa5ff",
];

export function siteColour(index: number): string {
  return `var(--site-${index % LIGHT.length})`;
}

function variables(colours: readonly string[]): string {
  return colours.map((colour, index) => `--site-${index}: ${colour};`).join(" ");
}

export const REPORT_STYLE = `${STYLE}
:root { ${variables(LIGHT)} --sea: #eef2f7; --land: #d5dce5; --tie: #ffffff; }
@media (prefers-color-scheme: dark) { :root { ${variables(DARK)} --sea: #10161e; --land: #28323f; --tie: #10161e; } }
@media print { :root { ${variables(LIGHT)} --sea: #fff; --land: #ddd; --tie: #fff; } }
h1 { overflow-wrap: anywhere; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); }
.tile.wide .value { font-size: 19px; line-height: 39px; }
.bars + table { margin-top: 18px; }
.map { background: var(--sea); border-radius: 8px; }
.map .land { fill: var(--land); }
.map .arc { fill: none; stroke: var(--soft); stroke-width: 0.8; opacity: 0.45; }
.map .most { opacity: 0.28; }
.map .label { font-size: 11.5px; font-weight: 650; paint-order: stroke; stroke: var(--sea); stroke-width: 3px; }
.map .label .share { font-weight: 400; }
.map .leader { stroke: var(--soft); stroke-width: 0.7; }
.map .gone { fill: none; stroke: var(--bad); stroke-width: 2.4; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 7px 14px; align-items: center; }
.bars .name { font-weight: 600; }
.bars .name small { display: block; font-weight: 400; color: var(--soft); max-width: 22em; overflow-wrap: anywhere; }
.bars .range { text-align: right; white-space: nowrap; }
.bars svg { height: 22px; }
.rule { stroke: var(--line); }
.curve .right { fill: var(--good); } .curve .wrong { fill: var(--bad); }
.curve .lost { fill: var(--warn); } .curve .looping { fill: var(--network); }
.curve .spread { fill: none; stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3; }
.curve .followed { fill: none; stroke: var(--good); stroke-width: 2.5; }
.curve .moment { stroke: var(--ink); stroke-width: 1; }
.limits { border-left: 4px solid var(--warn); padding: 2px 0 2px 14px; }
code { overflow-wrap: anywhere; }
@media print { .map { border: 1px solid var(--line); } .bars { gap: 4px 10px; } }
`;
