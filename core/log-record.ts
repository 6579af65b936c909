/**
 * A line of a process's log for machines: one JSON object with the keys `timestamp` (UTC, ISO 8601 with milliseconds and `Z`),
 * `level`, `message`, `module`, `function` and `line`, and whatever belongs to the message merged in beside them. Names of levels
 * and keys are those of Python's logging, which collectors know.
 */
export const LOG_FORMATS = ["text", "json"] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** Least first. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where in the code it was said. */
export interface CodePlace {
  /** Path in the project without its ending, `gateway/health/node-health`. */
  readonly module: string;
  readonly function: string;
  readonly line: number;
}

export interface LogRecord extends CodePlace {
  readonly timestamp: string;
  readonly level: LogLevel;
  readonly message: string;
}

/** Something extra that has the name of a key of the record keeps it behind this. */
const EXTRA = "extra_";

export function isLogged(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

/** Without its line end; there is none within. */
export function logLine(record: LogRecord, extra: Readonly<Record<string, unknown>> = {}): string {
  const { timestamp, level, message, module, function: of, line } = record;
  const fixed = { timestamp, level: level.toUpperCase(), message, module, function: of, line };
  const merged: Record<string, unknown> = fixed;
  for (const [name, value] of Object.entries(extra)) {
    merged[Object.hasOwn(fixed, name) ? `${EXTRA}${name}` : name] = value;
  }
  return JSON.stringify(merged);
}
