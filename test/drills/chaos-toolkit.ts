/**
 * The real Chaos Toolkit, from PyPI into an environment of its own below the system's temporary directory, which later
 * runs find again. Without Python, pip or the network there is none, and the tests that need it say so and are skipped.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What docs and code here say about Chaos Toolkit was read in these. */
const PACKAGES = ["chaostoolkit==1.19.0", "chaostoolkit-lib[jsonpath]==1.44.0"];
const INSTALL_MS_MAX = 240_000;
const RUN_MS_MAX = 60_000;

export interface ChaosToolkit {
  /** Of the environment: `chaos` stands beside it. */
  readonly python: string;
  readonly chaos: string;
}

/** Or why there is none. */
export function installChaosToolkit(): ChaosToolkit | string {
  const directory = join(tmpdir(), `anycastle-chaostoolkit-${process.getuid?.() ?? 0}-1.44.0`);
  const toolkit = { python: join(directory, "bin/python"), chaos: join(directory, "bin/chaos") };
  const done = join(directory, "installed");
  if (existsSync(done)) return toolkit;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const steps: [string, string[]][] = [
    ["python3", ["-m", "venv", "--clear", directory]],
    [toolkit.python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES]],
  ];
  for (const [command, words] of steps) {
    const { status, error, stderr } = spawnSync(command, words, {
      encoding: "utf8",
      timeout: INSTALL_MS_MAX,
    });
    if (status !== 0)
      return `${command} ${words[1]} failed: ${error?.message ?? stderr.trim().split("\n").at(-1)}`;
  }
  writeFileSync(done, "");
  return toolkit;
}

/** Runs `source` with `input` as JSON on its standard input; what it prints is JSON. */
export function askPython(
  toolkit: ChaosToolkit,
  source: string,
  input: unknown,
  environment: NodeJS.ProcessEnv = process.env,
): unknown {
  const output = execFileSync(toolkit.python, ["-c", source], {
    input: JSON.stringify(input),
    encoding: "utf8",
    timeout: RUN_MS_MAX,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...environment, PYTHONIOENCODING: "utf-8" },
  });
  return JSON.parse(output);
}

/** The same, while this process goes on serving. */
export async function askPythonMeanwhile(
  toolkit: ChaosToolkit,
  source: string,
  input: unknown,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = execFile(
    toolkit.python,
    ["-c", source],
    { encoding: "utf8", timeout: RUN_MS_MAX, maxBuffer: 64 * 1024 * 1024 },
    (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
  );
  child.stdin!.end(JSON.stringify(input));
  return JSON.parse(await promise) as unknown;
}
