/**
 * What `npm run containers` says where there can be no engine, and what it leaves behind of one that was just starting.
 * The run itself is a suite of its own.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test, type TestContext } from "vitest";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

const SCRIPT = join(PROJECT_ROOT, "scripts", "containers.ts");

/** On the PATH there is nothing: no Compose, no engine. */
const empty = mkdtempSync(join(tmpdir(), "anycastle-no-engine-"));
afterAll(() => rmSync(empty, { recursive: true, force: true }));

function runWithoutEngine(ci: string | undefined): { status: number | null; lines: string[] } {
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: empty };
  delete env["CI"];
  if (ci !== undefined) env["CI"] = ci;
  const { status, stdout } = spawnSync(process.execPath, [SCRIPT], {
    env,
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, lines: stdout.trimEnd().split("\n") };
}

test("without an engine it is skipped, and says why", () => {
  const { status, lines } = runWithoutEngine(undefined);
  expect(lines[0]).toContain("SKIPPED containers: there is no Docker Compose");
  expect(lines.at(-1)).toBe("0 passed, 0 failed, 1 skipped");
  expect(status).toBe(0);
});

test("in CI it must run", () => {
  const { status, lines } = runWithoutEngine("true");
  expect(lines[0]).toContain("FAILED  containers: there is no Docker Compose");
  expect(lines.at(-1)).toBe("0 passed, 1 failed");
  expect(status).toBe(1);
});

/** Stands in for Docker: no engine answers, a new one has `dockerd` as its first words and is ready with the file `ready`. */
class FakeDocker {
  readonly directory = mkdtempSync(join(tmpdir(), "anycastle-fake-docker-"));
  readonly env: NodeJS.ProcessEnv;

  constructor(context: TestContext, dockerd: string) {
    if (process.platform !== "linux" || process.getuid?.() !== 0) context.skip("needs root on Linux");
    onTestFinished(() => rmSync(this.directory, { recursive: true, force: true }));
    const docker = `if [ "$1" = version ]; then exec test -e ${this.directory}/ready; fi\nexit 1`;
    const programs = { docker, dockerd, "docker-compose": "exit 0", nsenter: "exit 1", iptables: "exit 1" };
    for (const folder of ["bin", "tmp"]) mkdirSync(join(this.directory, folder));
    for (const [name, script] of Object.entries(programs))
      writeFileSync(join(this.directory, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    this.env = {
      ...process.env,
      PATH: `${join(this.directory, "bin")}:${process.env["PATH"]}`,
      TMPDIR: join(this.directory, "tmp"),
    };
  }

  /** What the run has not taken away. */
  leftovers(): string[] {
    return readdirSync(join(this.directory, "tmp"));
  }
}

test("an engine that does not become ready is a failure that says what it said", (context) => {
  const fake = new FakeDocker(context, "echo no space >&2\nexit 1");
  const { env } = fake;
  const run = spawnSync(process.execPath, [SCRIPT], { env, encoding: "utf8", timeout: 60_000 });
  expect(run.stdout).toContain("FAILED  the engine: dockerd did not become ready:\nno space\n");
  expect(run.stdout.trimEnd().split("\n").at(-1)).toBe("0 passed, 1 failed");
  expect([run.status, fake.leftovers()]).toEqual([1, []]);
});

test("an end that comes while the engine starts leaves no engine behind", async (context) => {
  const pidFile = "daemon.pid";
  const fake = new FakeDocker(context, `echo $$ >"\${0%/bin/*}/${pidFile}"\nexec sleep 60`);
  const run = spawn(process.execPath, [SCRIPT], { env: fake.env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => run.once("close", resolve));
  let said = "";
  run.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const path = join(fake.directory, pidFile);
  await expect.poll(() => existsSync(path) && readFileSync(path, "utf8"), { timeout: 15_000 }).toMatch(/\n$/);
  const daemon = Number(readFileSync(path, "utf8"));
  onTestFinished(() => {
    if (existsSync(`/proc/${daemon}`)) process.kill(daemon, "SIGKILL");
  });
  run.kill("SIGINT");
  await expect.poll(() => said, { timeout: 15_000 }).toContain("FAILED  the run: SIGINT before the end");
  writeFileSync(join(fake.directory, "ready"), "");
  expect(await ended).toBe(130);
  expect(existsSync(`/proc/${daemon}`)).toBe(false);
  expect(fake.leftovers()).toEqual([]);
});
