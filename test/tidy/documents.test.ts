/** What the documents name must exist: files, scripts, commands, requirements and the reason for each dependency. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseGatewayConfig } from "#gateway/config.ts";
import { DOCUMENTS, PROJECT_FILES, PROJECT_ROOT } from "./project-files.ts";

import { MUTATIONS } from "../worlds/mutations.ts";

const DOCUMENTS_MIN = 12;
/** Rows of the five documents the product was ordered with, by the digit of the document. */
const REQUIREMENT_COUNTS = [87, 49, 66, 30, 47];
/** A path in backticks that begins with one of these must exist. */
const ROOMS =
  /^(?:bgp|bin|cli|core|docs|drills|edge-nodes|gateway|lab|loadtest|schema|scripts|sim|test|bench|\.ci)\//;

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly hasInstallScript?: boolean }>
  >;
}

const manifest = JSON.parse(textOf("package.json")) as Manifest;

function textOf(path: string): string {
  return readFileSync(join(PROJECT_ROOT, path), "utf8");
}

/** Every `code span` and every line of a fenced block, with the document it stands in. */
function codeIn({ path, text }: (typeof DOCUMENTS)[number]): { path: string; code: string }[] {
  const fenced = [...text.matchAll(/^```[a-z]*\n([\s\S]*?)^```/gm)].flatMap((match) => match[1]!.split("\n"));
  const spans = [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(
    (match) => match[1]!,
  );
  return [...fenced, ...spans].map((code) => ({ path, code: code.trim() }));
}

const CODE = DOCUMENTS.flatMap(codeIn);

test("the walk sees the documents", () => {
  expect(DOCUMENTS.length).toBeGreaterThanOrEqual(DOCUMENTS_MIN);
  expect(CODE.length).toBeGreaterThan(200);
});

test("files and folders that documents name exist", () => {
  // The requirements quote what others asked for; their proofs are checked below.
  const ours = CODE.filter(({ path }) => path !== "docs/requirements.md");
  const missing = ours
    .filter(({ code }) => ROOMS.test(code) && !/[\s*{<]/.test(code))
    .filter(({ code }) => !existsSync(join(PROJECT_ROOT, code.replace(/[:#].*$/, ""))));
  expect(missing).toEqual([]);
});

test("links between documents lead somewhere", () => {
  const broken = DOCUMENTS.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map((match) => normalize(join(dirname(path), match[1]!)))
      .filter((target) => !existsSync(join(PROJECT_ROOT, target)))
      .map((target) => `${path} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

test("npm scripts that documents name exist", () => {
  const named = CODE.flatMap(({ path, code }) =>
    [...code.matchAll(/npm run (?:--silent |-s )?([a-z][a-z0-9:-]*)/g)].map((match) => ({
      path,
      script: match[1]!,
    })),
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter(({ script }) => manifest.scripts[script] === undefined)).toEqual([]);
});

test("commands that documents name are commands of the program", () => {
  const help = spawnSync(process.execPath, [join(PROJECT_ROOT, "bin", "anycastle.js"), "--help"], {
    encoding: "utf8",
    timeout: 20_000,
  });
  const known = new Set([...help.stdout.matchAll(/^ {2}([a-z]+)\b/gm)].map((match) => match[1]!));
  expect(known.size).toBeGreaterThan(10);
  const shown = CODE.filter(({ path }) => path !== "docs/requirements.md").flatMap(({ path, code }) =>
    [...code.matchAll(/^(?:\$ )?(?:npx |node bin\/)?anycastle(?:\.js)? ([a-z]+)/g)].map((match) => ({
      path,
      command: match[1]!,
    })),
  );
  expect(shown.length).toBeGreaterThan(5);
  expect(shown.filter(({ command }) => !known.has(command))).toEqual([]);
});

test("configurations that the README shows are accepted", () => {
  const shown = [...textOf("README.md").matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
  expect(shown.length).toBeGreaterThanOrEqual(2);
  expect(shown.map((text) => parseGatewayConfig(parse(text))).filter(({ ok }) => !ok)).toEqual([]);
});

test("every requirement has one row, one status and, when built, a proof that exists", () => {
  const rows = [...textOf("docs/requirements.md").matchAll(/^\| (S\d-\d{3}) \| (.+) \| (.+) \|$/gm)];
  const expected = REQUIREMENT_COUNTS.flatMap((count, document) =>
    Array.from({ length: count }, (_, index) => `S${document}-${String(index + 1).padStart(3, "0")}`),
  );
  expect(rows.map((row) => row[1]!).toSorted()).toEqual(expected.toSorted());
  const unclear = rows.filter(
    ([, , , status]) => !/^(?:built →|part built: .+ →|planned: \S|no place: \S)/.test(status!),
  );
  expect(unclear.map((row) => row[0])).toEqual([]);
  const proofs = rows.flatMap((row) => (/→ `([^`]+)`$/.exec(row[3]!) ?? []).slice(1));
  expect(proofs.length).toBeGreaterThan(20);
  expect(proofs.filter((proof) => !existsSync(join(PROJECT_ROOT, proof)))).toEqual([]);
});

test("the counts of requirements by status are those of the rows", () => {
  const text = textOf("docs/requirements.md");
  const count = (status: string): number =>
    text.match(new RegExp(`^\\| S\\d-\\d{3} .* \\| ${status}`, "gm"))?.length ?? 0;
  const [built, part, planned, noPlace] = ["built →", "part built: ", "planned: ", "no place: "].map(count);
  expect(text).toContain(
    `Today: ${built} built, ${part} built in part, ${planned} planned, ${noPlace} without a place.`,
  );
  expect(text).toContain(
    `: ${REQUIREMENT_COUNTS.reduce((sum, each) => sum + each)} rows, and none is left out`,
  );
});

test("as many mutations are claimed as there are", () => {
  const claims = DOCUMENTS.flatMap(({ text }) => [
    ...text.matchAll(/\b(\d+) (?:mutations\b|ways to break the policy)/g),
  ]);
  expect(claims.map(([, count]) => Number(count))).toEqual([MUTATIONS.length, MUTATIONS.length]);
});

test("every dependency has a line that says why it is there", () => {
  const reasons = textOf("docs/decisions/0004-dependencies.md");
  const names = [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies].flatMap(
    (group) => Object.keys(group),
  );
  expect(names.filter((name) => !reasons.includes(`\`${name}\``))).toEqual([]);
});

test("the bundled Node is pinned, in the lock file, and no dependency needs an install script", () => {
  const lock = JSON.parse(textOf("package-lock.json")) as LockFile;
  for (const [name, version] of Object.entries(manifest.optionalDependencies)) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(lock.packages[`node_modules/${name}`]?.version).toBe(version);
  }
  const scripted = Object.entries(lock.packages).filter(([, facts]) => facts.hasInstallScript);
  // fsevents is for macOS, optional, and its binary is in the package; protobufjs only compares versions, and fetches nothing.
  const harmless = /\/(?:fsevents|protobufjs)$/;
  expect(scripted.map(([name]) => name).filter((name) => !harmless.test(name))).toEqual([]);
});

test("documents that people expect are there", () => {
  const expected = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "NOTICE",
  ];
  const paths = new Set(PROJECT_FILES.map(({ path }) => path));
  expect(expected.filter((name) => !paths.has(name))).toEqual([]);
});
