/**
 * Problems of a configuration file for people: `file:line:column`, the sentence, the line itself and a caret under the
 * place. Long lines are shown around the place; tabs stay tabs, so that the caret stands right. Of a file that is something
 * else altogether the first problems are shown, and how many more there are.
 */
import { printable } from "#core/printable.ts";
import type { TextProblem } from "#core/checked-text/read-text.ts";
import type { Paint } from "../output.ts";

/** Of a source line, this much is shown at most. */
const SHOWN_WIDTH_MAX = 100;
const GUTTER_WIDTH = 5;
const SHOWN_MAX = 20;

interface ShownFile {
  readonly name: string;
  readonly text: string;
}

export function showProblems(file: ShownFile, problems: readonly TextProblem[], paint: Paint): string {
  return show(file, problems, paint, "");
}

export function showWarnings(file: ShownFile, warnings: readonly TextProblem[], paint: Paint): string {
  return show(file, warnings, paint, "warning: ");
}

function show(file: ShownFile, problems: readonly TextProblem[], paint: Paint, label: string): string {
  const lines = file.text.split(/\r?\n/);
  const shown = problems.slice(0, SHOWN_MAX).map((problem) => {
    const place = `${file.name}:${problem.line}:${problem.column}  ${label}`;
    return showProblem(place, lines, problem, paint);
  });
  const more = problems.length - shown.length;
  return [...shown, ...(more > 0 ? [`${file.name}: ${label}and ${more} more`] : [])].join("\n");
}

function showProblem(place: string, lines: readonly string[], problem: TextProblem, paint: Paint): string {
  const { line, column, path, message } = problem;
  const didYouMean = problem.didYouMean === undefined ? "" : ` Did you mean "${problem.didYouMean}"?`;
  const subject = path === "" ? "" : `${paint("bold", path)}: `;
  const head = `${place}${subject}${printable(withoutFullStop(message))}.${didYouMean}`;
  const source = problem.isSecret ? undefined : lines[line - 1];
  if (source === undefined || source.trim() === "") return head;
  const start = Math.max(0, column - 1 - SHOWN_WIDTH_MAX / 2);
  const shown = printable(source.slice(start, start + SHOWN_WIDTH_MAX));
  const indent = shown.slice(0, column - 1 - start).replaceAll(/[^\t]/g, " ");
  return [
    head,
    `${String(line).padStart(GUTTER_WIDTH)} | ${shown}`,
    `${" ".repeat(GUTTER_WIDTH)} | ${indent}${paint("red", "^")}`,
  ].join("\n");
}

function withoutFullStop(sentence: string): string {
  return sentence.replace(/\.$/, "");
}
