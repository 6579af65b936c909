/**
 * Where a command's words go: the result to standard output, progress and remarks to standard error. Colour follows
 * NO_COLOR, FORCE_COLOR, `--no-color` and whether the stream is a terminal; cursor movements need a terminal that is
 * not a CI's log.
 */
import { styleText } from "node:util";
import type { Command } from "commander";
import { environmentValue } from "#core/host/environment.ts";

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

export interface Output {
  readonly isColour: boolean;
  /** Standard output is a terminal in which the cursor may be moved. */
  readonly isTerminal: boolean;
  /** A line, or several, of the result. */
  readonly print: (text: string) => void;
  /** The result as one JSON document. */
  readonly printJson: (document: unknown) => void;
  /** A line of progress. */
  readonly tell: (text: string) => void;
  /** For what is printed. */
  readonly paint: Paint;
}

export function outputOf(command: Command): Output {
  const isColourWanted = command.optsWithGlobals<{ color?: boolean }>().color !== false;
  const isColour = isColourWanted && isColourOf(process.stdout);
  return {
    isColour,
    isTerminal: isCursorFree(process.stdout),
    print: (text) => void process.stdout.write(`${text}\n`),
    printJson: (document) => void process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`),
    tell: (text) => void process.stderr.write(`${text}\n`),
    paint: (style, text) => (isColour ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** May the cursor be moved in this stream? */
export function isCursorFree(stream: NodeJS.WriteStream): boolean {
  const ci = environmentValue("CI");
  const isCi = ci !== undefined && ci !== "false" && ci !== "0";
  return stream.isTTY && !isCi && environmentValue("TERM") !== "dumb";
}

/** `styleText` knows NO_COLOR, FORCE_COLOR and terminals; ask it instead of repeating its rules. */
function isColourOf(stream: NodeJS.WriteStream): boolean {
  return styleText("red", "x", { stream }) !== "x";
}
