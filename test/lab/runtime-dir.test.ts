/** Where a lab leaves word of itself, and what is refused there. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LabFile } from "#core/wire/control.ts";
import { LabClient } from "#lab/client.ts";
import { CompileCache } from "#lab/compile-cache.ts";
import { processStartTicks } from "#lab/process-stat.ts";
import {
  findRunningLab,
  labFilePath,
  prepareRuntimeDir,
  refuseSecondLab,
  removeLabFile,
  writeLabFile,
} from "#lab/runtime-dir.ts";

let root: string;
let dir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "anycastle-runtime-"));
  dir = join(root, "runtime");
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function fileOf(pid: number): LabFile {
  return {
    pid,
    controlUrl: "http://127.0.0.1:1",
    gatewayUrl: "http://127.0.0.1:2",
    token: "secret",
    startedAt: "2026-01-01T00:00:00.000Z",
  };
}

/** Of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

test("the directory is made for its owner only, and the file too", () => {
  prepareRuntimeDir(dir);
  writeLabFile(dir, fileOf(process.pid));
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  expect(statSync(labFilePath(dir)).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(["lab.json"]);
  expect(findRunningLab(dir)).toMatchObject(fileOf(process.pid));
});

test.for([
  ["open to others", () => chmodSync(dir, 0o755), /open to others \(mode 0755\)/],
  ["writable for a group", () => chmodSync(dir, 0o720), /open to others \(mode 0720\)/],
] as const)("a directory %s is refused, by labs and by commands", ([, spoil, message]) => {
  mkdirSync(dir, { mode: 0o700 });
  spoil();
  expect(() => prepareRuntimeDir(dir)).toThrow(message);
  expect(() => LabClient.find(dir)).toThrow(message);
});

test("a link to a directory, and a file in its place, are refused", () => {
  mkdirSync(dir, { mode: 0o700 });
  symlinkSync(dir, join(root, "link"));
  writeFileSync(join(root, "file"), "");
  expect(() => prepareRuntimeDir(join(root, "link"))).toThrow(/is no directory/);
  expect(() => prepareRuntimeDir(join(root, "file"))).toThrow(/is no directory/);
});

test("a directory of somebody else's is refused", () => {
  mkdirSync(dir, { mode: 0o700 });
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, 12_345, 12_345);
  // Who is not root cannot give a directory away; the root of the file system is root's.
  expect(() => prepareRuntimeDir(isRoot ? dir : "/")).toThrow(
    isRoot ? /belongs to user 12345/ : /belongs to user 0/,
  );
});

test("where a lab runs a second one is refused, by name", () => {
  prepareRuntimeDir(dir);
  writeLabFile(dir, fileOf(process.pid));
  const message = new RegExp(`a lab runs already \\(pid ${process.pid}, http://127.0.0.1:2\\)`);
  expect(() => refuseSecondLab(dir)).toThrow(message);
  expect(() => writeLabFile(dir, fileOf(process.pid))).toThrow(message);
});

test("the file of a lab that was killed is a leftover, and is replaced", () => {
  prepareRuntimeDir(dir);
  writeLabFile(dir, fileOf(deadPid()));
  expect(findRunningLab(dir)).toBeUndefined();
  expect(() => refuseSecondLab(dir)).not.toThrow();
  writeLabFile(dir, fileOf(process.pid));
  expect(findRunningLab(dir)?.pid).toBe(process.pid);
});

test.skipIf(processStartTicks(process.pid) === undefined)(
  "a pid that is somebody else's by now counts as gone",
  () => {
    prepareRuntimeDir(dir);
    writeFileSync(labFilePath(dir), JSON.stringify({ ...fileOf(process.pid), startTicks: "1" }));
    expect(findRunningLab(dir)).toBeUndefined();
  },
);

test.for(["", "{", "[]", '{"pid":"1"}', '{"pid":0,"controlUrl":"","gatewayUrl":"","token":""}'])(
  "what is no lab's word (%s) is no lab",
  (text) => {
    prepareRuntimeDir(dir);
    writeFileSync(labFilePath(dir), text);
    expect(findRunningLab(dir)).toBeUndefined();
    writeLabFile(dir, fileOf(process.pid));
    expect(findRunningLab(dir)?.pid).toBe(process.pid);
  },
);

test("only the lab that wrote it removes it", () => {
  prepareRuntimeDir(dir);
  writeLabFile(dir, fileOf(process.pid));
  removeLabFile(labFilePath(dir), process.pid + 1);
  expect(readFileSync(labFilePath(dir), "utf8")).toContain(`"pid":${process.pid}`);
  removeLabFile(labFilePath(dir), process.pid);
  expect(readdirSync(dir)).toEqual([]);
});

test("without a lab commands end with 3 and say how to start one", () => {
  let refusal: unknown;
  try {
    LabClient.find(dir);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({
    code: "LAB_NONE",
    exitCode: 3,
    hint: expect.stringContaining("npm start") as string,
  });
});

test("a cache is warm once a whole cast has filled it, for its version alone", () => {
  const cache = CompileCache.open("1.0.0", root);
  expect(cache.isWarm).toBe(false);
  cache.markWarm();
  expect(CompileCache.open("1.0.0", root).isWarm).toBe(true);
  expect(CompileCache.open("1.0.1", root).isWarm).toBe(false);
});

test("code is never taken from a directory that others may write", () => {
  chmodSync(root, 0o777);
  const cache = CompileCache.open("1.0.0", root);
  expect(cache.dir).toBeUndefined();
  expect(cache.environment()).toEqual({ NODE_DISABLE_COMPILE_CACHE: "1" });
});
