/** What the churn drill takes for a leak. */
import { expect, test } from "vitest";
import { heldIn, leaksBetween, leastOf } from "../../bench/drills/at-rest.ts";

const METRICS = `# HELP process_open_fds Number of open file descriptors.
process_open_fds 26
nodejs_active_resources{type="PipeWrap"} 3
nodejs_active_resources{type="Timeout"} 5
nodejs_active_resources_total 8
`;

test("descriptors and the kinds of what keeps the event loop busy are read, sums are not", () => {
  expect(heldIn(METRICS)).toEqual({ descriptors: 26, PipeWrap: 3, Timeout: 5 });
});

test("metrics without descriptors are an error: nothing could be found there", () => {
  expect(() => heldIn("nodejs_active_resources_total 8\n")).toThrow("process_open_fds");
});

test("what is under way at some looks only is held by nobody", () => {
  const looks = [
    { descriptors: 26, ConnectWrap: 2 },
    { descriptors: 28 },
    { descriptors: 27, ConnectWrap: 1 },
  ];
  expect(leastOf(looks)).toEqual({ descriptors: 26, ConnectWrap: 0 });
});

test("more than before by more than the slack is a leak, of kinds that were not there before too", () => {
  const before = { descriptors: 26, Timeout: 5 };
  expect(leaksBetween(before, { descriptors: 28, Timeout: 5 }, 2)).toEqual([]);
  expect(leaksBetween(before, { descriptors: 29, Timeout: 4, TLSWrap: 3 }, 2)).toEqual([
    "descriptors: 26 -> 29",
    "TLSWrap: 0 -> 3",
  ]);
});
