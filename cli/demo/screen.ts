/**
 * The live table as text: a pure function of what is known and of the terminal's size. Sites and cities always stand;
 * the tail of events gets the rows that are left, and everything is cut at the right edge, never wrapped.
 */
import type { LabStatus } from "#core/wire/control.ts";
import { FAULT_HOWS, FAULT_MEANING, type FaultHow } from "#core/wire/faults.ts";
import { CITY_CELL_WIDTH, cityTable, siteTable, statusHead, type ArmedTarget } from "../status-tables.ts";
import { TextLine } from "../text-line.ts";

const CITY_COLUMNS_MAX = 3;

export interface Screen {
  readonly status: LabStatus;
  readonly armed: ArmedTarget | undefined;
  readonly how: FaultHow;
  readonly ttfbMsOf: (vantage: string) => number | undefined;
  readonly counters: Counters;
  /** The last thing that a key led to. */
  readonly message: TextLine | undefined;
  /** The newest last. */
  readonly tail: readonly TextLine[];
  readonly isHelp: boolean;
}

export interface Counters {
  readonly requests: number;
  readonly perSecond: number;
  readonly failed: number;
  readonly rescued: number;
  readonly hedged: number;
  readonly resets: number;
}

export function drawScreen(
  screen: Screen,
  size: { readonly columns: number; readonly rows: number },
): TextLine[] {
  const columns = Math.max(1, Math.min(CITY_COLUMNS_MAX, Math.floor(size.columns / CITY_CELL_WIDTH)));
  const { status, armed, ttfbMsOf } = screen;
  const top = [
    ...statusHead(status),
    ...siteTable(status, armed),
    ...cityTable(status, { columns, ttfbMsOf }),
    counterLine(screen.counters, status.isReady),
  ];
  const bottom = [screen.message ?? new TextLine(), keyLine(screen)];
  const room = Math.max(0, size.rows - top.length - bottom.length);
  const middle = screen.isHelp ? helpLines().slice(0, room) : room === 0 ? [] : screen.tail.slice(-room);
  const blank = Array.from({ length: room - middle.length }, () => new TextLine());
  return [...top, ...middle, ...blank, ...bottom].slice(0, size.rows);
}

function counterLine(counters: Counters, isReady: boolean): TextLine {
  const { requests, perSecond, failed, rescued, hedged, resets } = counters;
  return new TextLine()
    .add(isReady ? "in service" : "starting", isReady ? "green" : "yellow")
    .add(`  requests ${requests} (${perSecond}/s)  failed `)
    .add(String(failed), failed > 0 ? ["bold", "red"] : "green")
    .add(`  rescued ${rescued}  hedged ${hedged}  resets ${resets}`);
}

function keyLine({ armed, how }: Screen): TextLine {
  const line = new TextLine();
  if (armed === undefined) line.add("1-9 arm a site", "bold");
  else line.add(`Enter: ${how} ${armed.node ?? armed.site}`, ["bold", "red"]).add("  d drain");
  return line.add(`  w way (${how})  r revive  t test  l load  p page  h help  q quit`);
}

function helpLines(): TextLine[] {
  const lines = [
    "1-9     arm a site; again: its first node, its second …; Esc disarms",
    "Enter   make what is armed fail     d  drain it gently",
    "w, Tab  next way to fail            r  revive what is armed, or all",
    "t       test from all cities        l  load on, load off",
    "p       a link to the page          q  quit (Ctrl-C too, twice: now)",
    ...FAULT_HOWS.map((how) => `${how.padEnd(9)}${FAULT_MEANING[how]}`),
  ];
  return lines.map((text) => new TextLine().add(text, "dim"));
}
