/**
 * Proves that the linter's walls catch. A directory outside the project gets the lint configuration and one small file
 * for each thing that must not be written: every forbidden import of every room, clocks, chance, the environment, a
 * promise nobody waits for, an import cycle. The linter must report each of them under the expected rule, and must
 * report nothing in the files that hold the allowed imports.
 *
 * A linter whose configuration is broken finds nothing and looks like success; this is the canary for that.
 * The table of rooms is the one of ARCHITECTURE.md.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCommand } from "./run-command.ts";

const LINT_MS_MAX = 60_000;

const ROOMS = [
  "bgp",
  "core",
  "dashboard",
  "drills",
  "edge-nodes",
  "gateway",
  "lab",
  "loadtest",
  "sim",
] as const;
type Room = (typeof ROOMS)[number];

/** Folder of the canary -> rooms it may import besides its own. */
const MAY_IMPORT: Readonly<Record<string, readonly Room[]>> = {
  core: [],
  bgp: ["core"],
  "gateway/admission": ["core"],
  "gateway/balancer": ["core"],
  "gateway/health": ["core"],
  "gateway/reload": ["core"],
  "gateway/resilience": ["core"],
  "gateway/routing": ["core"],
  "gateway/forward": ["core"],
  "gateway/admin": ["core"],
  "sim/topology": ["core"],
  "sim/propagation": ["core"],
  "sim/anycast": ["core"],
  "sim/change": ["core"],
  "sim/recording": ["core"],
  "sim/wan": ["core"],
  "sim/truth": ["core", "bgp"],
  "sim/serve": ["core", "bgp"],
  "edge-nodes": ["core", "bgp"],
  loadtest: ["core"],
  lab: ["core"],
  drills: ["core", "lab", "loadtest"],
};

/** Folders that see no module of Node: time, chance and I/O are arguments there. */
const PURE = [
  "core",
  "bgp",
  "gateway/admission",
  "gateway/balancer",
  "gateway/health",
  "gateway/reload",
  "gateway/resilience",
  "gateway/routing",
  "sim/anycast",
  "sim/change",
  "sim/recording",
  "sim/truth",
];

interface Canary {
  readonly path: string;
  readonly source: string;
  /** The rule that must report it; null: nothing may report it. */
  readonly rule: string | null;
}

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

interface LintOutput {
  readonly diagnostics: readonly Diagnostic[];
  readonly number_of_files: number;
}

export interface WallsResult {
  readonly canaryCount: number;
  /** One sentence per wall that did not catch, or that caught what is allowed. */
  readonly misses: readonly string[];
}

export async function proveWalls(projectRoot: string): Promise<WallsResult> {
  const canaries = [...importCanaries(), ...globalCanaries(), ...promiseAndCycleCanaries()];
  const directory = mkdtempSync(join(tmpdir(), "anycastle-walls-"));
  try {
    for (const name of [".oxlintrc.json", "tsconfig.json", "package.json"])
      cpSync(join(projectRoot, name), join(directory, name));
    // Rules that need types read the type definitions of Node.
    symlinkSync(join(projectRoot, "node_modules"), join(directory, "node_modules"));
    for (const { path, source } of canaries) write(join(directory, path), source);
    write(join(directory, "core/wire/target.ts"), "export type Target = 1;\nexport const target = 1;\n");
    for (const room of ROOMS) write(join(directory, room, "target.ts"), "export const target = 1;\n");
    const oxlint = join(projectRoot, "node_modules", ".bin", "oxlint");
    const { output } = await runCommand([oxlint, "--format", "json"], {
      timeoutMs: LINT_MS_MAX,
      cwd: directory,
      isCollected: true,
    });
    return { canaryCount: canaries.length, misses: judge(canaries, parseLint(output)) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The document of `oxlint --format json`; without it there is nothing that may pass for a clean run. */
export function parseLint(output: string): LintOutput {
  try {
    return JSON.parse(output) as LintOutput;
  } catch (error) {
    throw new Error(`oxlint printed no JSON document: ${output.slice(0, 300)}`, { cause: error });
  }
}

function judge(canaries: readonly Canary[], lint: LintOutput): string[] {
  const misses: string[] = [];
  if (lint.number_of_files < canaries.length) {
    misses.push(`the linter saw ${lint.number_of_files} files of ${canaries.length} canaries`);
  }
  for (const { path, source, rule } of canaries) {
    const codes = lint.diagnostics.filter(({ filename }) => filename === path).map(({ code }) => code);
    const statement = source.split("\n")[0];
    if (rule === null && codes.length > 0)
      misses.push(`${path}: "${statement}" is allowed, but ${codes.join(", ")} reports it`);
    if (rule !== null && !codes.some((code) => code.includes(rule)))
      misses.push(`${path}: ${rule} does not report "${statement}"`);
  }
  return misses;
}

function importCanaries(): Canary[] {
  const canaries: Canary[] = [];
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    const own = folder.split("/")[0];
    const up = "../".repeat(folder.split("/").length);
    for (const room of ROOMS) {
      if (room === own) continue;
      const rule = allowed.includes(room) ? null : "no-restricted-imports";
      canaries.push(importing(`${folder}/canary-alias-${room}.ts`, `#${room}/target.ts`, rule));
      canaries.push(importing(`${folder}/canary-relative-${room}.ts`, `${up}${room}/target.ts`, rule));
    }
    canaries.push(importing(`${folder}/canary-test.ts`, `${up}test/target.ts`, "no-restricted-imports"));
    canaries.push(importing(`${folder}/canary-cli.ts`, `${up}cli/target.ts`, "no-restricted-imports"));
    canaries.push(importing(`${folder}/canary-timers.ts`, "node:timers/promises", "no-restricted-imports"));
  }
  for (const folder of PURE)
    canaries.push(importing(`${folder}/canary-node.ts`, "node:fs", "no-restricted-imports"));
  canaries.push(importing("gateway/balancer/canary-host.ts", "#core/host/clock.ts", "no-restricted-imports"));
  canaries.push(
    importing("gateway/health/canary-forward.ts", "#gateway/forward/target.ts", "no-restricted-imports"),
  );
  canaries.push(...pageCanaries());
  return canaries;
}

/** The page runs in a browser: types of what comes over the wire, and nothing else of ours. */
function pageCanaries(): Canary[] {
  const folder = "dashboard/parts";
  const strangers = ROOMS.filter((room) => room !== "dashboard").flatMap((room) => [
    importing(`${folder}/canary-alias-${room}.ts`, `#${room}/target.ts`, "no-restricted-imports"),
    importing(`${folder}/canary-relative-${room}.ts`, `../../${room}/target.ts`, "no-restricted-imports"),
  ]);
  const fromWire = "../../core/wire/target.ts";
  return [
    ...strangers,
    importing(`${folder}/canary-node.ts`, "node:fs", "no-restricted-imports"),
    importing(`${folder}/canary-wire-code.ts`, fromWire, "no-restricted-imports"),
    {
      path: `${folder}/canary-wire-type.ts`,
      source: `import type { Target } from "${fromWire}";\nexport type Copy = Target;\n`,
      rule: null,
    },
  ];
}

function importing(path: string, from: string, rule: string | null): Canary {
  return { path, source: `import { target } from "${from}";\nexport const copy: unknown = target;\n`, rule };
}

function globalCanaries(): Canary[] {
  const canaries: Canary[] = [];
  for (const folder of Object.keys(MAY_IMPORT)) {
    canaries.push(
      {
        path: `${folder}/canary-date.ts`,
        source: "export const now = (): unknown => Date;\n",
        rule: "no-restricted-globals",
      },
      {
        path: `${folder}/canary-timer.ts`,
        source: "export const wait = (): unknown => setTimeout;\n",
        rule: "no-restricted-globals",
      },
      {
        path: `${folder}/canary-chance.ts`,
        source: "export const draw = (): number => Math.random();\n",
        rule: "no-restricted-properties",
      },
      {
        path: `${folder}/canary-env.ts`,
        source: "export const home = process.env;\n",
        rule: "no-restricted-",
      },
    );
  }
  canaries.push({
    path: "core/host/canary-clock.ts",
    source: "export const now = (): unknown => new Date();\n",
    rule: null,
  });
  canaries.push({ path: "cli/canary-console.ts", source: 'console.log("x");\n', rule: "no-console" });
  return canaries;
}

function promiseAndCycleCanaries(): Canary[] {
  const floating = "async function save(): Promise<void> {\n  await Promise.resolve();\n}\nsave();\n";
  return [
    { path: "lab/canary-floating.ts", source: floating, rule: "no-floating-promises" },
    {
      path: "lab/canary-cycle-a.ts",
      source: 'import { b } from "./canary-cycle-b.ts";\nexport const a = (): unknown => b;\n',
      rule: "no-cycle",
    },
    {
      path: "lab/canary-cycle-b.ts",
      source: 'import { a } from "./canary-cycle-a.ts";\nexport const b = (): unknown => a;\n',
      rule: "no-cycle",
    },
    { path: "gateway/canary-any.ts", source: "export const loose: any = 1;\n", rule: "no-explicit-any" },
  ];
}

function write(path: string, source: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, source);
}
