/** Verdicts of single rows and of all together. */
import { expect, test } from "vitest";
import { bandRow, Equalities, isMissed, notRun, type TruthVerdict } from "#sim/truth/truth-row.ts";

const CLAIM = { quantity: "q", source: "s" };
const SECONDS = { min: 7.5, max: 12.5, unit: " s", digits: 1 };

test("equalities: all must be equal, and there must be some", () => {
  const equalities = new Equalities("runs");
  expect(equalities.row(CLAIM)).toMatchObject({ got: "0 of 0 runs equal", verdict: "differs" });
  equalities.note(true, () => "unasked");
  expect(equalities.row(CLAIM)).toMatchObject({ got: "1 of 1 runs equal", verdict: "equal" });
  equalities.note(false, () => "K = 4");
  equalities.note(false, () => "K = 5");
  expect(equalities.row(CLAIM)).toMatchObject({ got: "1 of 3 runs equal; K = 4", verdict: "differs" });
});

test("a band's ends belong to it, and it is printed as it is", () => {
  const verdictOf = (value: number): TruthVerdict =>
    bandRow({ ...CLAIM, kind: "independent" }, SECONDS, { value }).verdict;
  expect([7.4, 7.5, 12.5, 12.6].map(verdictOf)).toEqual(["out", "in", "in", "out"]);
  expect(bandRow({ ...CLAIM, kind: "fitted" }, SECONDS, { value: 14, spread: "(1 to 20)" })).toMatchObject({
    expected: "7.5 to 12.5 s",
    got: "14.0 s (1 to 20)",
    verdict: "out",
  });
  expect(bandRow({ ...CLAIM, kind: "frozen" }, SECONDS, { value: 14 }).verdict).toBe("left");
});

test("a broken law and a changed model are always a failure, a missed band only when strict", () => {
  const rowsOf = (...verdicts: TruthVerdict[]) =>
    verdicts.map((verdict) => ({
      ...notRun({ ...CLAIM, kind: "exact" }, "-"),
      verdict,
    }));
  expect(isMissed(rowsOf("equal", "held", "in", "out", "no law", "not run"), false)).toBe(false);
  expect(isMissed(rowsOf("equal", "out"), true)).toBe(true);
  for (const verdict of ["differs", "left"] as const)
    expect(isMissed(rowsOf("in", verdict), false)).toBe(true);
});
