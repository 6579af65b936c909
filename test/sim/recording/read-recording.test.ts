/** Files that are no recordings, and damaged ones: one sentence, and the line. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { RecordingError, type RecordingHeader } from "#sim/recording/format.ts";
import { RecordingReader } from "#sim/recording/read-recording.ts";
import { playRandomly, read } from "./play.ts";

const { lines } = playRandomly(2, TIMING_SETS["no-mrai"]);
const header = JSON.parse(lines[0]!) as RecordingHeader;
const firstEvent = lines.findIndex((line) => line.startsWith('["b"'));

function refusal(of: readonly string[]): string {
  try {
    read(of);
  } catch (error) {
    if (error instanceof RecordingError) return `${error.line}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

/** The lines, with line `index` (from 0) replaced. */
function changed(index: number, ...by: readonly string[]): string[] {
  return [...lines.slice(0, index), ...by, ...lines.slice(index + 1)];
}

function withHeader(change: object): string[] {
  return changed(0, JSON.stringify({ ...header, ...change }));
}

const WRONG: readonly { readonly name: string; readonly of: readonly string[]; readonly says: RegExp }[] = [
  { name: "an empty file", of: [], says: /^1: the file is empty$/ },
  { name: "another program's file", of: ["# 1|2|0"], says: /^1: no JSON: # 1\|2\|0$/ },
  { name: "no text", of: ["\u001b[2J\u0007x"], says: /^1: no JSON: \?\[2J\?x$/ },
  { name: "a journal", of: ['{"kind":"lab.started"}'], says: /^1: no header$/ },
  {
    name: "a later schema",
    of: withHeader({ schema: "anycastle.sim-recording/v9" }),
    says: /^1: the schema is "anycastle.sim-recording\/v9", and this version reads/,
  },
  {
    name: "a header that lacks",
    of: withHeader({ sites: undefined }),
    says: /^1: sites of the header is not a list/,
  },
  {
    name: "a site nowhere",
    of: withHeader({ sites: [{ site: "a", as: 1, vertex: 999_999 }] }),
    says: /^1: sites\.0\.vertex of the header is not a whole number from 0 to/,
  },
  {
    name: "a title that a terminal would obey",
    of: withHeader({ title: "\u001b[2J" }),
    says: /^1: title of the header is not a line of text$/,
  },
  {
    name: "a site whose name is no name",
    of: withHeader({ sites: [{ site: "a,b", as: 1, vertex: 1 }] }),
    says: /^1: sites\.0\.site of the header is not a name/,
  },
  {
    name: "only a header",
    of: lines.slice(0, 1),
    says: /^2: the file ends here, in the middle: it was cut off$/,
  },
  {
    name: "a file without its last line",
    of: lines.slice(0, -1),
    says: new RegExp(`^${lines.length}: the file ends here`),
  },
  { name: "half a line", of: changed(firstEvent, '["b",12'), says: /: no JSON: \["b",12$/ },
  { name: "an unknown event", of: changed(firstEvent, '["x",1]'), says: /: an event of unknown kind: / },
  { name: "no array", of: changed(firstEvent, "7"), says: /: no event: 7$/ },
  {
    name: "a time with a fraction",
    of: changed(firstEvent, '["b",1.5,0,0]'),
    says: /: an event without a time/,
  },
  {
    name: "an AS that is not there",
    of: changed(firstEvent, '["b",1,999999,0]'),
    says: /: an event at no AS/,
  },
  {
    name: "a path from later",
    of: changed(firstEvent, '["b",1,0,999999]'),
    says: /: an event of a path that is not/,
  },
  {
    name: "a path behind nothing",
    of: changed(firstEvent, '["p",0,999999]'),
    says: /: a path behind which nothing/,
  },
  {
    name: "time that goes back",
    of: changed(lines.length - 2, '["b",0,0,0]'),
    says: /: an event before the one above it/,
  },
  {
    name: "a line taken out",
    of: changed(lines.length - 2),
    says: /: \d+ lines of digest [0-9a-f]{16} came before, not as it says/,
  },
  {
    name: "a line that was changed",
    of: withHeader({ title: "something else" }),
    says: /: \d+ lines of digest [0-9a-f]{16} came before, not as it says/,
  },
  {
    name: "two files in one",
    of: [...lines, ...lines],
    says: /: something follows the line that ends the recording/,
  },
];

test("the file itself is fine", () => {
  expect(refusal(lines)).toBe("accepted");
});

test.for(WRONG)("$name is refused", ({ of, says }) => {
  expect(refusal(of)).toMatch(says);
});

test("a line that never ends is refused before it is understood", () => {
  expect(refusal(["[".repeat(5_000_000)])).toMatch(/^1: longer than/);
});

test("whatever is broken anywhere, it is told as a damaged file", () => {
  const index = fc.integer({ min: 0, max: lines.length - 1 });
  const bite = fc.record({ line: index, at: fc.nat(80), by: fc.string({ maxLength: 8 }) });
  fc.assert(
    fc.property(fc.array(bite, { minLength: 1, maxLength: 3 }), (bites) => {
      const broken = [...lines];
      for (const { line, at, by } of bites) {
        broken[line] = broken[line]!.slice(0, at) + by + broken[line]!.slice(at + by.length);
      }
      const reader = new RecordingReader();
      try {
        for (const line of broken) reader.push(line);
        reader.finish();
      } catch (error) {
        expect(error).toBeInstanceOf(RecordingError);
        return;
      }
      expect(broken).toEqual(lines);
    }),
    { numRuns: 300 },
  );
});
