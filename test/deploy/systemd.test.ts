/** The systemd unit says what the command understands. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseGatewayConfig } from "#gateway/config.ts";
import { anycastle, scratch } from "../cli/run-cli.ts";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

const UNITS = ["anycastle-gateway.service", "anycastle-gateway.socket"] as const;
const UNIT = readFileSync(join(PROJECT_ROOT, "deploy", UNITS[0]), "utf8");

function value(key: string): string {
  return new RegExp(`^${key}=(.*)$`, "m").exec(UNIT)?.[1] ?? "";
}

test("the socket beside it is for the same service", () => {
  const socket = readFileSync(join(PROJECT_ROOT, "deploy", UNITS[1]), "utf8");
  expect(socket).toMatch(/^ListenStream=.*:8080$/m);
});

test("it starts the gateway with flags that exist, checks first, reloads by the signal that reloads", async () => {
  const { dir, remove } = scratch();
  try {
    const { stdout } = await anycastle(dir, "gateway", "--help");
    for (const key of ["ExecStart", "ExecStartPre"]) {
      const [program, command, ...flags] = value(key).split(" ");
      expect([program, command]).toEqual(["/opt/anycastle/bin/anycastle.js", "gateway"]);
      for (const flag of flags.filter((word) => word.startsWith("--"))) expect(stdout).toContain(flag);
    }
    expect(value("ExecStartPre")).toBe(`${value("ExecStart")} --check`);
    expect(value("ExecReload")).toBe("/bin/kill -HUP $MAINPID");
  } finally {
    remove();
  }
});

test("systemd itself takes both", (context) => {
  if (spawnSync("systemd-analyze", ["--version"]).status !== 0)
    return context.skip("no systemd-analyze here");
  const { dir, remove } = scratch();
  try {
    for (const name of UNITS) {
      const text = readFileSync(join(PROJECT_ROOT, "deploy", name), "utf8");
      writeFileSync(join(dir, name), text.replaceAll("/opt/anycastle", PROJECT_ROOT));
    }
    const check = (): [number | null, string] => {
      const { status, stderr } = spawnSync(
        "systemd-analyze",
        ["verify", ...UNITS.map((name) => `./${name}`)],
        {
          cwd: dir,
          encoding: "utf8",
          timeout: 30_000,
        },
      );
      return [
        status,
        stderr
          .split("\n")
          .filter((line) => line.includes(dir) || line.includes("anycastle"))
          .join("\n"),
      ];
    };
    expect(check()).toEqual([0, ""]);
    // A word that systemd does not know is told, so that the silence above says something.
    writeFileSync(join(dir, UNITS[0]), `${UNIT}\n[Service]\nNoSuchWord=yes\n`);
    expect(check()[1]).toContain("NoSuchWord");
  } finally {
    remove();
  }
});

test("a stop may take longer than a drain does, and the default drain at that", () => {
  const parsed = parseGatewayConfig({
    sites: [{ id: "a", nodes: [{ id: "a-1", url: "http://127.0.0.1:1" }] }],
  });
  const drainMs = parsed.ok ? parsed.config.limits.drainTimeoutMs : Number.NaN;
  expect(Number(value("TimeoutStopSec")) * 1_000).toBeGreaterThan(drainMs);
});
