/** The committed build of the page: made from this source, small, and complete in itself. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PAGE_HEADERS } from "#lab/page/page-files.ts";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

const DIST = join(PROJECT_ROOT, "dashboard", "dist");
const GZIP_BYTES_MAX = 150 * 1024;
const BUILD_MS_MAX = 60_000;
const FILES = ["icon.svg", "index.html", "page.css", "page.js"];

let fresh: string;

beforeAll(() => {
  fresh = mkdtempSync(join(tmpdir(), "anycastle-page-build-"));
  const command = [join(PROJECT_ROOT, "scripts", "build-page.ts"), fresh];
  const { status, stderr } = spawnSync(process.execPath, command, {
    encoding: "utf8",
    timeout: BUILD_MS_MAX,
  });
  expect([status, stderr]).toEqual([0, ""]);
}, BUILD_MS_MAX);

afterAll(() => rmSync(fresh, { recursive: true, force: true }));

test("the build holds these files and no others", () => {
  expect(readdirSync(DIST).sort()).toEqual(FILES);
  expect(readdirSync(fresh).sort()).toEqual(FILES);
});

test.each(FILES)("%s is what `npm run build` makes of the source, byte for byte", (file) => {
  // Compared as bytes: a difference would otherwise print the whole script.
  expect(readFileSync(join(DIST, file)).equals(readFileSync(join(fresh, file)))).toBe(true);
});

test("all of it together is at most 150 KB, compressed", () => {
  const bytes = FILES.map((file) => gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(GZIP_BYTES_MAX);
});

test("no address of another machine stands in it, but names of XML", () => {
  for (const file of FILES) {
    const text = readFileSync(join(DIST, file), "utf8");
    const addresses = [...text.matchAll(/(?:https?:)?\/\/[\w-]+\.[\w.-]+[^\s"'`)]*/g)].map(
      ([address]) => address,
    );
    expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  }
});

test("the document has nothing inline, and the policy allows nothing of the kind", () => {
  const html = readFileSync(join(DIST, "index.html"), "utf8");
  expect(html).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
  const policy = PAGE_HEADERS["content-security-policy"]!;
  expect(policy).toMatch(/^default-src 'none';/);
  expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
});

test("nothing in the script makes code or markup of text", () => {
  const script = readFileSync(join(DIST, "page.js"), "utf8");
  expect(script).not.toMatch(/\beval\(|new Function\(|document\.write|insertAdjacentHTML/);
});
