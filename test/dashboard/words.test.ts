/** The page says the same in both languages. */
import { expect, test } from "vitest";
import { vantageIds } from "#core/geography/rtt.ts";
import { FAULT_HOWS as WIRE_HOWS } from "#core/wire/faults.ts";
import { CHINESE } from "#dashboard/words/chinese.ts";
import { ENGLISH } from "#dashboard/words/english.ts";
import { FAULT_HOWS } from "#dashboard/words/hows.ts";

/** `table.title`, with the number of arguments of what is a function. */
function shapeOf(words: object, path = ""): string[] {
  return Object.entries(words).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === "object" && value !== null && name !== "cities")
      return shapeOf(value, `${path}${name}.`);
    return [`${path}${name}`];
  });
}

function textsOf(words: object): string[] {
  return Object.values(words).flatMap((value: unknown) => {
    if (typeof value === "string") return [value];
    return typeof value === "object" && value !== null ? textsOf(value) : [];
  });
}

test("both languages have the same words, and none is empty", () => {
  expect(shapeOf(CHINESE).sort()).toEqual(shapeOf(ENGLISH).sort());
  expect([...textsOf(CHINESE), ...textsOf(ENGLISH)].filter((text) => text.trim() === "")).toEqual([]);
});

test("every city has a Chinese name", () => {
  expect(Object.keys(CHINESE.cities).sort()).toEqual([...vantageIds()].sort());
});

test("the page knows the ways to fail in the order of the command line", () => {
  expect(FAULT_HOWS).toEqual([...WIRE_HOWS]);
});

test("each step of a story has a sentence in both languages", () => {
  const item = {
    seq: 1,
    atNs: 0,
    sort: "withdrawn",
    event: { seq: 1, atNs: 0, source: "sim", kind: "site.withdrawn", site: "ny1", reason: "" },
  } as const;
  const nameOf = (vantage: string): string => vantage;
  expect(ENGLISH.story.line(item, nameOf)).toBe("ny1 withdrawn from the Internet");
  expect(CHINESE.story.line(item, nameOf)).toBe("ny1 已从互联网撤销");
});
