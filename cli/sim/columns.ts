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

export const MODEL_LIMITS =
  "The model is Gao-Rexford: it does not explain 14 to 35 % of real routing decisions (Anwar et al., IMC 2015).";
