/** Which certificate a handshake may show while the drill changes them. */
import { expect, test } from "vitest";
import { isRight, type InForce } from "../../bench/drills/rotation.ts";

const inForce: InForce[] = [
  { name: "first", saidNs: 0 },
  { name: "second", saidNs: 100 },
  { name: "third", saidNs: 200 },
];

test.each([
  ["first", 50, true, "it is in force"],
  ["first", 99, true, "the second has not been told to be in force yet"],
  ["first", 100, false, "the second is"],
  ["second", 60, true, "a handshake that began before the change may have met it"],
  ["second", 199, true, "it is in force"],
  ["second", 200, false, "the third is"],
  ["third", 900, true, "nothing came after it"],
  ["fourth", 900, false, "nobody has heard of it"],
] as const)("%s shown to a client that began at %i: %s, since %s", (name, atNs, expected, _why) => {
  expect(isRight({ name, atNs }, inForce)).toBe(expected);
});
