/** Plain tables: words to the left, figures to the right, two spaces between. */
import type { Output } from "../output.ts";

/** `sides`: `l` or `r` for each column. */
export function printColumns(
  output: Output,
  sides: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        sides[column] === "l" ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  output.print(output.paint("dim", lineOf(head)));
  for (const row of rows) output.print(lineOf(row));
}

/** `21,337`; weights are whole numbers in effect. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `27.1 %` of `total`. */
export function percent(part: number, total: number): string {
  return total === 0 ? "-" : `${((100 * part) / total).toFixed(1)} %`;
}

/** `27.1 to 40.3 %` of `total`, or one share where nothing hangs on ties. */
export function percentPair(
  { certain, atMost }: { readonly certain: number; readonly atMost: number },
  total: number,
): string {
  const [low, high] = [percent(certain, total), percent(atMost, total)];
  return low === high ? high : `${low.slice(0, -" %".length)} to ${high}`;
}

/** `10.6 to 61.1 % (27.1)`: the range, and where ties go to the lowest AS number. */
export function percentReading(
  load: { readonly certain: number; readonly atMost: number; readonly chosen: number },
  total: number,
): string {
  const range = percentPair(load, total);
  const chosen = percent(load.chosen, total).slice(0, -" %".length);
  return range.includes(" to ") ? `${range} (${chosen})` : range;
}

/** `21,337 to 30,100`. */
export function wholePair({
  certain,
  atMost,
}: {
  readonly certain: number;
  readonly atMost: number;
}): string {
  const [low, high] = [whole(certain), whole(atMost)];
  return low === high ? high : `${low} to ${high}`;
}

/** Said under every table in which two shares stand as a range. */
export const PAIR_LEGEND =
  "A range goes from what reaches the site by every equally good path to what does by some; in brackets: if ties go to the lowest AS.";

export const MODEL_LIMITS =
  "The model is Gao-Rexford: it does not explain 14 to 35 % of real routing decisions (Anwar et al., IMC 2015).";
