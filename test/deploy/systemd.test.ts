/** The systemd unit says what the command understands. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { anycastle, scratch } from "../cli/run-cli.ts";

const UNIT = readFileSync(join(import.meta.dirname, "../../deploy/anycastle-gateway.service"), "utf8");

function value(key: string): string {
  return new RegExp(`^${key}=(.*)$`, "m").exec(UNIT)?.[1] ?? "";
}

test("the socket beside it is for the same service", () => {
  const socket = readFileSync(join(import.meta.dirname, "../../deploy/anycastle-gateway.socket"), "utf8");
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
