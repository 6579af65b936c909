/**
 * The style sheet of the page: one for screen in light and dark, one for paper. Drawings take their colours from the same
 * variables, so that nothing in them is wrong in either. No fonts, images or rules from elsewhere.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #14181f; --soft: #5b6472; --line: #dfe3e9; --faint: #eef1f4;
  --good: #157a4a; --bad: #c8262c; --warn: #a86200; --gateway: #1f5fd0; --network: #7a3fc4; --box: #6b7280;
  --cold: #1f5fd0; --warm: #2b9aa6; --others: #8a93a1; --target: #1f5fd0; --elsewhere: #e07a1f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0d1117; --card: #151b23; --ink: #e8ecf2; --soft: #97a1b0; --line: #2a323d; --faint: #1d2530;
    --good: #3fbf7f; --bad: #ff6b68; --warn: #e0a030; --gateway: #6aa2ff; --network: #b98bff; --box: #8b949e;
    --cold: #6aa2ff; --warm: #4fc3cf; --others: #768091; --target: #6aa2ff; --elsewhere: #f0a050;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 64px; }
header { display: flex; gap: 20px; align-items: center; flex-wrap: wrap; margin-bottom: 8px; }
h1 { font-size: 32px; line-height: 1.15; margin: 0; letter-spacing: -0.02em; }
h2 { font-size: 18px; margin: 0 0 12px; letter-spacing: -0.01em; }
p { margin: 6px 0; }
.soft, .note { color: var(--soft); }
.note { font-size: 13px; }
.verdict {
  font-size: 22px; font-weight: 700; letter-spacing: 0.06em; text-transform: uppercase;
  color: #fff; padding: 6px 18px; border-radius: 10px;
}
.verdict.held { background: #157a4a; } .verdict.missed { background: #c8262c; } .verdict.void { background: #a86200; }
.story { font-size: 20px; line-height: 1.4; margin: 14px 0 0; max-width: 60em; }
.reasons { border-left: 4px solid var(--bad); padding: 4px 0 4px 14px; margin: 14px 0; }
.void .reasons { border-color: var(--warn); }
.reasons ul { margin: 0; padding-left: 18px; }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px; margin: 20px 0; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 14px 16px; }
.tile .name { color: var(--soft); font-size: 12px; text-transform: uppercase; letter-spacing: 0.06em; }
.tile .value { font-size: 26px; font-weight: 650; letter-spacing: -0.02em; white-space: nowrap; }
.tile .note { font-size: 12px; line-height: 1.35; }
.tile.zero .value { color: var(--good); } .tile.loss .value { color: var(--bad); }
section { padding: 20px 22px; margin: 16px 0; overflow-x: auto; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg text { fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .soft { fill: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12px; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.wide { width: 46%; }
tr.affected td { background: color-mix(in srgb, var(--elsewhere) 13%, transparent); font-weight: 600; }
tr.affected td:first-child { box-shadow: inset 3px 0 0 var(--elsewhere); padding-left: 10px; }
.great { color: var(--good); } .fair { color: var(--ink); } .far { color: var(--warn); }
.mark { font-weight: 700; white-space: nowrap; }
.mark.held { color: var(--good); } .mark.missed { color: var(--bad); } .mark.void { color: var(--warn); }
.legend { display: flex; gap: 18px; flex-wrap: wrap; font-size: 13px; color: var(--soft); margin: 0 0 8px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
ul { margin: 6px 0; padding-left: 20px; }
.halves { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
.halves section { margin: 0; }
footer { color: var(--soft); font-size: 13px; margin-top: 20px; }
@media (max-width: 900px) { .tiles { grid-template-columns: repeat(3, 1fr); } .halves { grid-template-columns: 1fr; } }
@media print {
  :root {
    --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --faint: #ddd;
    --good: #157a4a; --bad: #c8262c; --warn: #a86200; --gateway: #1f5fd0; --network: #7a3fc4; --box: #6b7280;
    --cold: #1f5fd0; --warm: #2b9aa6; --others: #8a93a1; --target: #1f5fd0; --elsewhere: #e07a1f;
  }
  body { font-size: 11px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  section, .tile { break-inside: avoid; }
  section { padding: 10px 12px; margin: 8px 0; overflow: visible; }
  tr { break-inside: avoid; }
}
@page { margin: 14mm; }
`;
