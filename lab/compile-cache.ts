/**
 * Where the cast's compiled code is kept between runs: one directory for all processes, so that it is filled once
 * instead of twenty times. Code that is executed comes out of it, so it must be the user's own and closed to others;
 * if no such place can be had, there is no cache, and the start is slower.
 *
 * A marker file says that a whole cast has filled it: a cold start is staged, a warm one is not.
 */
import { existsSync, writeFileSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { environmentValue } from "#core/host/environment.ts";
import { preparePrivateDir } from "./private-dir.ts";

export class CompileCache {
  /** Undefined: none. */
  readonly dir: string | undefined;
  readonly #marker: string | undefined;

  private constructor(dir: string | undefined) {
    this.dir = dir;
    // Another version of Node compiles anew.
    this.#marker = dir === undefined ? undefined : join(dir, `warm-${process.version}`);
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
