/** References made from the source are as fresh as the source. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { references } from "../../scripts/reference.ts";
import { PROJECT_ROOT } from "./project-files.ts";

test.each([...references()])("%s is what `npm run generate` writes", (path, text) => {
  expect(readFileSync(join(PROJECT_ROOT, path), "utf8")).toBe(text);
});

test("the page of the configuration names every key with its default", () => {
  const page = references().get("docs/configuration.md")!;
  for (const key of [
    "listen",
    "sites[].nodes[].weight",
    "health.profile",
    "retry.attemptsMax",
    "hedge.capMs",
  ]) {
    expect(page).toContain(`| \`${key}\` |`);
  }
  expect(page.split("\n").filter((line) => line.endsWith("|  |"))).toEqual([]);
});
