/**
 * Which configuration file is meant: the one named, else `anycastle.yaml` here or in a directory above, else the one of
 * the user's own configuration directory (XDG Base Directory). Whoever uses it says which it was.
 */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { codeOf, messageOf, UserError } from "#core/errors.ts";
import { environmentValue } from "#core/host/environment.ts";

export const CONFIG_NAME = "anycastle.yaml";
/** A configuration of ten thousand nodes stays below. */
const CONFIG_BYTES_MAX = 4 * 1024 * 1024;

export interface ConfigText {
  /** As people should see it: relative to the working directory where that is shorter. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** Throws `CONFIG_NONE`, `CONFIG_UNREADABLE` or `CONFIG_TOO_LARGE`. */
export function readConfigText(named: string | undefined): ConfigText {
  const path = named === undefined ? findConfig(process.cwd()) : resolve(named);
  if (path === undefined) {
    throw new UserError("CONFIG_NONE", `there is no ${CONFIG_NAME} here, above, or in ${userConfigDir()}`, {
      hint: "`anycastle config init` writes one to start from; `-c FILE` names another",
    });
  }
  const name = shownName(path);
  try {
    const { size } = statSync(path);
    if (size > CONFIG_BYTES_MAX) {
      throw new UserError(
        "CONFIG_TOO_LARGE",
        `${name} has ${size} bytes; ${CONFIG_BYTES_MAX} are read at most`,
      );
    }
    return { name, path, text: readFileSync(path, "utf8") };
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = codeOf(error) === "ENOENT" ? "there is no such file" : messageOf(error);
    throw new UserError("CONFIG_UNREADABLE", `${name} cannot be read: ${why}`, {
      hint: "`anycastle config init` writes one to start from",
      cause: error,
    });
  }
}

function findConfig(from: string): string | undefined {
  for (let dir = from; ; dir = dirname(dir)) {
    const path = join(dir, CONFIG_NAME);
    if (isFile(path)) return path;
    if (dirname(dir) === dir) break;
  }
  const own = join(userConfigDir(), CONFIG_NAME);
  return isFile(own) ? own : undefined;
}

function userConfigDir(): string {
  return join(environmentValue("XDG_CONFIG_HOME") ?? join(homedir(), ".config"), "anycastle");
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

export function shownName(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere !== "" && fromHere.length < path.length ? fromHere : path;
}
