import { expect, test } from "vitest";
import { isLogged, LOG_LEVELS, logLine, type LogRecord } from "#core/log-record.ts";

const RECORD: LogRecord = {
  timestamp: "2026-12-01T12:00:00.000Z",
  level: "warning",
  message: "a node\nhas gone",
  module: "gateway/health/node-health",
  function: "note",
  line: 12,
};

test("the six keys come first, the level in capitals, on one line", () => {
  expect(logLine(RECORD)).toBe(
    '{"timestamp":"2026-12-01T12:00:00.000Z","level":"WARNING","message":"a node\\nhas gone","module":"gateway/health/node-health","function":"note","line":12}',
  );
});

test("what belongs to the message is merged in; nothing takes the place of one of the six", () => {
  const extra = { node: "ny1-1", line: "said so", level: 3, of: [1, { two: 2 }], nothing: undefined };
  expect(JSON.parse(logLine(RECORD, extra))).toEqual({
    ...RECORD,
    level: "WARNING",
    node: "ny1-1",
    extra_line: "said so",
    extra_level: 3,
    of: [1, { two: 2 }],
  });
});

test("a level is logged when it is the least that is wanted, or above it", () => {
  const logged = (least: (typeof LOG_LEVELS)[number]): string[] =>
    LOG_LEVELS.filter((level) => isLogged(level, least));
  expect(logged("debug")).toEqual(["debug", "info", "warning", "error"]);
  expect(logged("info")).toEqual(["info", "warning", "error"]);
  expect(logged("error")).toEqual(["error"]);
});
