import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { anycastle, LAUNCHER, LongRun, run, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

writeFileSync(
  join(dir, "anycastle.yaml"),
  `listen: 127.0.0.1:0
admin: off
sites:
  - id: fra
    nodes: [{ id: fra-1, url: "http://127.0.0.1:9" }, { id: fra-2, url: "http://127.0.0.2:9" }]
`,
);

/** A Node of the path that cannot run the product itself. */
function oldNode(): string | undefined {
  const found = execFileSync("sh", ["-c", "command -v -p node; which -a node || true"], { encoding: "utf8" });
  return found
    .split("\n")
    .filter((path) => path !== "")
    .find((path) => {
      const major = Number(
        execFileSync(path, ["-p", "process.versions.node"], { encoding: "utf8" }).split(".")[0],
      );
      return major < 24;
    });
}

test("`version --json` is one document", async () => {
  const { status, stdout, stderr } = await anycastle(dir, "version", "--json");
  const manifest = JSON.parse(readFileSync(join(LAUNCHER, "..", "..", "package.json"), "utf8")) as {
    version: string;
  };
  expect(status).toBe(0);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    schema: "anycastle.version/v1",
    version: manifest.version,
    node: process.versions.node,
  });
});

test("a reader that has seen enough is no error", async () => {
  const script = '"$0" "$1" completion bash | head -1; echo "status ${PIPESTATUS[0]}"';
  const { stdout, stderr } = await run("bash", ["-c", script, process.execPath, LAUNCHER], dir);
  expect(stdout).toMatch(/^# bash completion.*\nstatus 0\n$/);
  expect(stderr).toBe("");
});

test("a full disk under standard output is an error", async (context) => {
  const script = 'test -w /dev/full || exit 77; "$0" "$1" completion bash > /dev/full; echo "status $?"';
  const { status, stdout } = await run("bash", ["-c", script, process.execPath, LAUNCHER], dir);
  if (status === 77) return context.skip("no /dev/full");
  expect(stdout).toBe("status 1\n");
});

test("no colour in a pipe, colour where it is forced, none with --no-color", async () => {
  const escape = "\u001b[";
  const forced =
    'FORCE_COLOR=1 NO_COLOR= "$0" "$1" doctor --no-color; FORCE_COLOR=1 NO_COLOR= "$0" "$1" doctor';
  const [plain, { stdout }] = await Promise.all([
    anycastle(dir, "doctor"),
    run("bash", ["-c", forced, process.execPath, LAUNCHER], dir),
  ]);
  expect(plain.stdout).not.toContain(escape);
  const [without = "", withColour = ""] = stdout.split(/(?<=fit for the demo.*\n)/);
  expect(without).not.toContain(escape);
  expect(withColour).toContain(escape);
});

for (const which of ["new", "old"] as const) {
  const nodeOrSkip = (context: { skip(note: string): never }): string => {
    if (which === "new") return process.execPath;
    return oldNode() ?? context.skip("no Node older than 24 on the path");
  };

  test(`started by a Node that is ${which}, it runs on one that is new`, async (context) => {
    const node = nodeOrSkip(context);
    const { status, stdout } = await run(node, [LAUNCHER, "version", "--json"], dir);
    expect(status).toBe(0);
    const { node: version } = JSON.parse(stdout) as { node: string };
    expect(Number(version.split(".")[0])).toBeGreaterThanOrEqual(24);
  });

  test(`started by a Node that is ${which}, it passes the status on`, async (context) => {
    const { status, stderr } = await run(nodeOrSkip(context), [LAUNCHER, "status"], dir);
    expect(status).toBe(3);
    expect(stderr).toContain("no lab is running");
  });

  test.for([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)(
    `started by a Node that is ${which}, it passes %s on and ends with %i`,
    async ([signal, expected], context) => {
      const node = nodeOrSkip(context);
      const gateway = new LongRun(dir, ["gateway"], node);
      await gateway.said("gateway  http://");
      gateway.kill(signal);
      expect(await gateway.ended).toEqual({ status: expected, signal: null });
      expect(gateway.stderr).toContain("Ctrl-C again: now");
    },
  );
}

test("a launcher that is killed outright takes the real process with it", async (context) => {
  const node = oldNode();
  if (node === undefined) return context.skip("no Node older than 24 on the path");
  const gateway = new LongRun(dir, ["gateway"], node);
  await gateway.said("gateway  http://");
  gateway.kill("SIGKILL");
  // Its output stays open as long as the real process lives: `close` comes when both have gone.
  expect(await gateway.ended).toEqual({ status: null, signal: "SIGKILL" });
  expect(gateway.stderr).toContain("stopping");
});
