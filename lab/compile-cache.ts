/**
 * Where the cast's compiled code is kept between runs: one directory for all processes, so that it is filled once
 * instead of twenty times. Code that is executed comes out of it, so it must be the user's own and closed to others;
 * if no such place can be had, there is no cache, and the start is slower.
 *
 * A marker file says that a whole cast has filled it: a cold start is staged, a warm one is not. Compiled code belongs to
 * one text at one path, so the marker names the sources too: after an update, or in another checkout, the first start is
 * cold, and taking it for warm would have all nodes compile at once and keep the compiler (twice the memory).
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { environmentValue } from "#core/host/environment.ts";
import { preparePrivateDir } from "./private-dir.ts";

/** Where the cast's code lies. */
const PROJECT_ROOT = dirname(import.meta.dirname);
const CAST_ROOMS = ["bin", "bgp", "core", "edge-nodes", "gateway", "lab/guardian", "loadtest", "sim"];
/** Of checkouts and updates; the oldest go. */
const MARKERS_MAX = 32;

export class CompileCache {
  /** Undefined: none. */
  readonly dir: string | undefined;
  readonly #marker: string | undefined;

  private constructor(dir: string | undefined) {
    this.dir = dir;
    // Another version of Node compiles anew.
    this.#marker = dir === undefined ? undefined : join(dir, `warm-${process.version}-${sourcesKey()}`);
  }

  /** `root` is for tests; by default the user's cache directory, else one of the user's in the system's temporary one. */
  static open(version: string, root?: string): CompileCache {
    for (const candidate of root === undefined ? defaultRoots() : [root]) {
      const dir = join(candidate, version);
      try {
        preparePrivateDir(candidate);
        preparePrivateDir(dir);
        return new CompileCache(dir);
      } catch {
        // A home that is read-only or not there, or a directory that is somebody else's: the next one.
      }
    }
    return new CompileCache(undefined);
  }

  get isWarm(): boolean {
    return this.#marker !== undefined && existsSync(this.#marker);
  }

  /** A whole cast has come up and left its compiled code. */
  markWarm(): void {
    if (this.#marker === undefined) return;
    try {
      writeFileSync(this.#marker, "", { mode: 0o600 });
      dropOldMarkers(dirname(this.#marker));
    } catch {
      // A full disk: the next start is staged again.
    }
  }

  /** For the children. */
  environment(): Record<string, string> {
    return this.dir === undefined ? { NODE_DISABLE_COMPILE_CACHE: "1" } : { NODE_COMPILE_CACHE: this.dir };
  }
}

function defaultRoots(): string[] {
  const cacheHome = environmentValue("XDG_CACHE_HOME") ?? join(homedir(), ".cache");
  return [join(cacheHome, "anycastle"), join(tmpdir(), `anycastle-cache-${userInfo().uid}`)];
}

/** Names this checkout in its present state: path, size and time of change of every file that a cast may run. */
function sourcesKey(): string {
  const hash = createHash("sha256").update(PROJECT_ROOT);
  for (const room of CAST_ROOMS) {
    const names = readdirSync(join(PROJECT_ROOT, room), { recursive: true, encoding: "utf8" }).sort();
    for (const name of names) {
      if (!/\.[jt]s$/.test(name)) continue;
      const { mtimeMs, size } = statSync(join(PROJECT_ROOT, room, name));
      hash.update(`${room}/${name}:${size}:${mtimeMs};`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function dropOldMarkers(dir: string): void {
  const markers = readdirSync(dir)
    .filter((name) => name.startsWith("warm-"))
    .map((name) => ({ path: join(dir, name), changedMs: statSync(join(dir, name)).mtimeMs }))
    .sort((x, y) => y.changedMs - x.changedMs);
  for (const { path } of markers.slice(MARKERS_MAX)) rmSync(path, { force: true });
}
