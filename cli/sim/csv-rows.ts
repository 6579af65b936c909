/**
 * Rows of numbers by AS, as people keep them: `13335,1200` a line. Read as a stream, so that a file of any size takes no
 * memory; a line that is not a row ends the reading with its number. Blank lines, lines that begin with `#`, and a head
 * with the names of the columns are skipped; an AS may be written `AS13335`.
 */
import { createReadStream } from "node:fs";
import { messageOf, UserError } from "#core/errors.ts";
import { printable } from "#core/printable.ts";
import { AS_MAX } from "#sim/topology/limits.ts";

const LINE_CHARS_MAX = 1_000;
/** Of a wrong line that are shown. */
const SHOWN_CHARS_MAX = 60;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** A column after that of the AS. */
export interface NumberColumn {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** Calls `onRow` with the AS number and the other columns; the array is used again. Throws `UserError`. */
export async function readAsRows(
  path: string,
  columns: readonly NumberColumn[],
  onRow: (asn: number, values: readonly number[], line: number) => void,
): Promise<void> {
  const form = ["AS", ...columns.map(({ name }) => name)].join(",");
  const values = columns.map(() => 0);
  let line = 0;
  for await (const text of linesOf(path)) {
    line += 1;
    const row = text.trim();
    if (row === "" || row.startsWith("#")) continue;
    const cells = row.split(",").map((cell) => cell.trim());
    if (line === 1 && /^as[a-z]*$/i.test(cells[0]!)) continue;
    const refuse = (what: string): never => {
      throw new UserError("ROWS_INVALID", `${path}:${line}: ${what}`, {
        hint: `write ${form} in each line, such as 13335,${columns.map(({ max }) => Math.min(12, max)).join(",")}`,
      });
    };
    if (cells.length !== columns.length + 1) refuse(`"${shown(row)}" is not ${form}`);
    const asn = Number(/^(?:AS)?(\d{1,10})$/i.exec(cells[0]!)?.[1] ?? Number.NaN);
    if (!(asn >= 1 && asn <= AS_MAX)) refuse(`"${shown(cells[0]!)}" is no AS number`);
    for (const [index, { name, min, max }] of columns.entries()) {
      const cell = cells[index + 1]!;
      const value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
      if (!(value >= min && value <= max)) {
        refuse(`${name} "${shown(cell)}" is not a number from ${min} to ${max}`);
      }
      values[index] = value;
    }
    onRow(asn, values, line);
  }
}

function shown(text: string): string {
  return printable(text.slice(0, SHOWN_CHARS_MAX));
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const file = createReadStream(path, "utf8");
  let rest = "";
  let line = 0;
  try {
    for await (const chunk of file as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const each of lines) {
        line += 1;
        refuseLong(path, line, each);
        yield each;
      }
      refuseLong(path, line + 1, rest);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError("ROWS_UNREADABLE", `${path} cannot be read: ${messageOf(error)}`, {
      hint: "name a text file with one AS in each line",
      cause: error,
    });
  } finally {
    file.destroy();
  }
  if (rest !== "") yield rest;
}

function refuseLong(path: string, line: number, text: string): void {
  if (text.length <= LINE_CHARS_MAX) return;
  throw new UserError(
    "ROWS_INVALID",
    `${path}:${line}: the line is longer than ${LINE_CHARS_MAX} characters`,
    {
      hint: "name a text file with one AS in each line",
    },
  );
}
