/** Files that are there whole or not at all, and what must not be replaced by one. */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { UserError } from "#core/errors.ts";
import { WholeFile, writeWhole } from "../../cli/sim/write-whole.ts";
import { scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

test("what was there stays until the new one is whole, and stays for good when that is thrown away", () => {
  const file = join(dir, "plain.txt");
  writeFileSync(file, "old");
  const whole = new WholeFile(file);
  whole.write("x".repeat(200_000));
  expect(readFileSync(file, "utf8")).toBe("old");
  whole.discard();
  expect(readFileSync(file, "utf8")).toBe("old");
  writeWhole(file, "new");
  expect(readFileSync(file, "utf8")).toBe("new");
  expect(readdirSync(dir).filter((name) => name.includes("partial"))).toEqual([]);
});

test("a link stays a link, and what it points at is written", () => {
  const [file, link] = [join(dir, "target.txt"), join(dir, "link.txt")];
  writeFileSync(file, "something long that was there before");
  symlinkSync(file, link);
  writeWhole(link, "new");
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(file, "utf8")).toBe("new");
});

test.skipIf(process.platform !== "linux")("a pipe stays a pipe, a device a device", () => {
  const pipe = join(dir, "pipe");
  execFileSync("mkfifo", [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  writeWhole(pipe, "through it");
  const bytes = Buffer.alloc(64);
  expect(bytes.toString("utf8", 0, readSync(reader, bytes))).toBe("through it");
  closeSync(reader);
  expect(lstatSync(pipe).isFIFO()).toBe(true);
  // A link to the device: where this fails, it does not take the device of the machine with it.
  const device = join(dir, "full");
  symlinkSync("/dev/full", device);
  expect(() => writeWhole(device, "nowhere to go")).toThrow("ENOSPC");
  expect(lstatSync(device).isSymbolicLink()).toBe(true);
});

test("where nothing can be written the error names the file, and nothing is left", () => {
  writeFileSync(join(dir, "file"), "");
  for (const name of [dir, join(dir, "none", "x"), join(dir, "file", "x")]) {
    expect(() => new WholeFile(name)).toThrow(UserError);
    expect(() => new WholeFile(name)).toThrow(`${name} cannot be written`);
  }
  expect(existsSync(join(dir, "none"))).toBe(false);
});
