/** A directory that belongs to the user and is closed to everybody else; tokens and executable code are kept in such. */
import { lstatSync, mkdirSync, type Stats } from "node:fs";
import { userInfo } from "node:os";
import { codeOf, messageOf, UserError } from "#core/errors.ts";

/** Makes `dir` with mode 0700, or checks the one that is there. Throws `DIR_UNSAFE` or `DIR_UNUSABLE`. */
export function preparePrivateDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") {
      throw new UserError("DIR_UNUSABLE", `the directory ${dir} cannot be made: ${messageOf(error)}`, {
        hint: "set ANYCASTLE_RUNTIME_DIR to a directory that can",
        cause: error,
      });
    }
  }
  checkPrivateDir(dir);
}

/** Throws `DIR_UNSAFE` unless `dir` is a directory (no link to one) of this user's that nobody else may enter. */
export function checkPrivateDir(dir: string): void {
  const stat = lstatSync(dir);
  const refusal = refusalOf(stat);
  if (refusal === undefined) return;
  throw new UserError("DIR_UNSAFE", `${dir} ${refusal}`, {
    hint: `\`chmod 700 ${dir}\` if it is yours, or set ANYCASTLE_RUNTIME_DIR to another one`,
  });
}

function refusalOf(stat: Stats): string | undefined {
  if (!stat.isDirectory()) return "is no directory";
  if (process.getuid === undefined) return undefined; // No owners and modes on this system.
  const { uid } = userInfo();
  if (stat.uid !== uid) return `belongs to user ${stat.uid}, not to you (${uid})`;
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) return `is open to others (mode ${mode.toString(8).padStart(4, "0")})`;
  return undefined;
}
