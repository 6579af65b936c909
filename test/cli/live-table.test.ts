import { stripVTControlCharacters, styleText } from "node:util";
import { expect, test } from "vitest";
import type { LabStatus } from "#core/wire/control.ts";
import { readKeys } from "../../cli/demo/keys.ts";
import { drawScreen, type Screen } from "../../cli/demo/screen.ts";
import { eventLine } from "../../cli/event-line.ts";
import { TextLine } from "../../cli/text-line.ts";

const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
  styleText(style, text, { validateStream: false });
const plain = (_style: unknown, text: string): string => text;

const STATUS: LabStatus = {
  schema: "anycastle.status/v1",
  version: "1.2.3",
  seed: 7,
  mode: "anycast",
  pid: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  isReady: true,
  gatewayUrl: "http://127.0.0.1:8080",
  controlUrl: "http://127.0.0.1:8081",
  feed: "live",
  sites: Array.from({ length: 9 }, (_, index) => ({
    site: `s${index + 1}`,
    city: `City ${index + 1}`,
    isAnnounced: index !== 1,
    isGracefulShutdown: index === 2,
    nodes: [1, 2].map((number) => ({
      node: `s${index + 1}-${number}`,
      pid: index === 1 ? null : 1000 + index,
      url: "http://127.0.0.1:1",
      process: index === 1 ? ("stopped" as const) : ("running" as const),
      misbehaviour: null,
      fault: index === 1 ? ("kill" as const) : null,
      serving: "ready" as const,
      bgp: "up" as const,
      gateway: index === 1 ? ("ejected" as const) : ("healthy" as const),
    })),
  })),
  vantages: Array.from({ length: 14 }, (_, index) => ({
    vantage: `v${index}`,
    city: `Town ${index}`,
    site: index === 3 ? null : "s1",
    rttUs: index === 3 ? null : 3_000,
  })),
  processes: [],
};

function screen(change: Partial<Screen> = {}): Screen {
  return {
    status: STATUS,
    armed: undefined,
    how: "kill",
    ttfbMsOf: (vantage) => (vantage === "v0" ? 34.2 : undefined),
    counters: { requests: 10, perSecond: 5, failed: 1, rescued: 2, hedged: 3, resets: 4 },
    message: undefined,
    tail: Array.from({ length: 100 }, (_, index) => new TextLine().add(`event ${index}`)),
    isHelp: false,
    ...change,
  };
}

test.each([
  [80, 24],
  [120, 40],
  [200, 60],
  [40, 12],
  [10, 3],
])("in %i columns and %i rows every row fits and none is missing", (columns, rows) => {
  const lines = drawScreen(screen(), { columns, rows });
  expect(lines).toHaveLength(rows);
  for (const line of lines) {
    expect(stripVTControlCharacters(line.render(paint, columns)).length).toBeLessThanOrEqual(columns);
  }
});

test("an ordinary terminal shows all sites, all cities, the newest events and the keys", () => {
  const text = drawScreen(screen(), { columns: 80, rows: 24 })
    .map((line) => line.render(plain, 80))
    .join("\n");
  expect(text).toContain("2 s2    City 2        withdrawn  s2-1 kill (out)");
  expect(text).toContain("3 s3    City 3        graceful");
  expect(text).toContain("Town 0         s1       3.0     34");
  expect(text).toContain("Town 3         unreachable");
  expect(text).toContain("Town 13");
  expect(text).toContain("failed 1");
  expect(text).toContain("event 99");
  expect(text).toContain("1-9 arm a site");
});

test("what is armed is shown with the key that makes it fail", () => {
  const lines = drawScreen(screen({ armed: { site: "s4", node: "s4-2" }, how: "hang" }), {
    columns: 80,
    rows: 24,
  });
  expect(lines.at(-1)!.render(plain)).toContain("Enter: hang s4-2");
  expect(lines.some((line) => line.render(plain).startsWith("> 4 s4"))).toBe(true);
});

test("a line is cut before it is painted, so that no escape sequence is torn", () => {
  const line = new TextLine().add("abc", "red").add("def", "green");
  expect(line.render(paint, 6)).toBe(`${paint("red", "abc")}${paint("green", "def")}`);
  expect(line.render(paint, 5)).toBe(`${paint("red", "abc")}${paint("green", "d…")}`);
  expect(line.render(paint, 3)).toBe(paint("red", "ab…"));
});

test("text from elsewhere cannot steer the terminal", () => {
  const line = eventLine({ atNs: 0, kind: "process.log", process: "ny1-1", line: "\u001b[2Jgone\r\n" }, 0);
  expect(line!.render(plain)).toBe("    0.000 s  ny1-1 says: ·[2Jgone··");
});

test("keys: digits arm, escape sequences of a terminal mean nothing", () => {
  expect(readKeys("1")).toEqual([{ do: "arm", siteIndex: 0 }]);
  expect(readKeys("9\r")).toEqual([{ do: "arm", siteIndex: 8 }, { do: "fail" }]);
  expect(readKeys("tlp")).toEqual([{ do: "test" }, { do: "load" }, { do: "page" }]);
  expect(readKeys("0xyz")).toEqual([]);
  expect(readKeys("\u001b[A\u001b[1;5C\u001bOP\u001b[<0;1;1M\u001b[200~")).toEqual([]);
  expect(readKeys("\u001b")).toEqual([{ do: "disarm" }]);
  expect(readKeys("Q?h\u0003")).toEqual([
    { do: "quit" },
    { do: "help" },
    { do: "help" },
    { do: "interrupt" },
  ]);
});
