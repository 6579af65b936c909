/** The page about toxics names every one of the registry with its attributes, and no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TOXIPROXY_VERSION } from "#lab/relay/api/api.ts";
import { HELD_BYTES_MAX } from "#lab/relay/link.ts";
import { TOXICS } from "#lab/relay/toxics/registry.ts";
import { PROJECT_ROOT } from "./project-files.ts";

const PAGE = readFileSync(join(PROJECT_ROOT, "docs", "toxiproxy.md"), "utf8");

function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

test("its table has a row for each toxic, with the attributes that it has", () => {
  const table = PAGE.slice(
    PAGE.indexOf("| type | attributes |"),
    PAGE.indexOf("## What a relay cannot fake"),
  );
  const rows = [...table.matchAll(/^\| `([a-z_]+)` \| ([^|]*) \|/gm)];
  expect(rows.map(([, type, attributes]) => [type, codeIn(attributes!)])).toEqual(
    [...TOXICS.values()].map(({ type, attributes }) => [type, Object.keys(attributes)]),
  );
});

test("its figures are those of the code", () => {
  expect(PAGE).toContain(`v2, as of ${TOXIPROXY_VERSION}`);
  expect(PAGE).toContain(`${HELD_BYTES_MAX / 1024} KiB`);
});
