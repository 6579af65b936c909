import { expect, test } from "vitest";
import type { LabStatus, NodeStatus } from "#core/wire/control.ts";
import { bfdLine } from "../../cli/status-tables.ts";

function lineOf(...states: (NodeStatus["bfd"] | "none")[]): string {
  const nodes = states.map((state, index) => ({
    node: `ny1-${index + 1}`,
    ...(state === "none" || state === undefined ? {} : { bfd: state }),
  }));
  const status = { sites: [{ site: "ny1", nodes }] } as unknown as LabStatus;
  return bfdLine(status).render((_style, text) => text);
}

test.each([
  [["up", "up"], "BFD up with 2 of 2 nodes"],
  [["up", "down"], "BFD up with 1 of 2 nodes: ny1-2 down"],
  [["admin-down", "none"], "BFD up with 0 of 2 nodes: ny1-1 admin-down, ny1-2 unheard of"],
  [["none", "none"], "BFD off: silence is noticed by the hold timer"],
] as const)("%j: %s", (states, line) => {
  expect(lineOf(...states)).toBe(line);
});
