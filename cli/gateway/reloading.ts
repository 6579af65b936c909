/**
 * When a running gateway reads its file again: on SIGHUP, when the file changes (`--watch`), when its admin API is told to.
 * Whatever is wrong with the new text is told, and the configuration before stays in force.
 */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import { messageOf } from "#core/errors.ts";
import { after, type Timer } from "#core/host/clock.ts";
import type { ConfigRead, RunningGateway } from "#gateway/gateway.ts";
import { readConfigText } from "../config-file/find.ts";
import { loadConfig } from "../config-file/load.ts";

/** Editors write a new file and rename it, or write in pieces: it is read when it has been left alone for so long. */
const QUIET_MS = 200;

export function configReader(file: string, overrides: Readonly<Record<string, unknown>>): () => ConfigRead {
  return () => {
    try {
      const { name, text } = readConfigText(file);
      const result = loadConfig(text, overrides);
      if (result.ok) return { ok: true, config: result.config };
      const problems = result.problems.map(
        ({ line, column, path, message }) =>
          `${name}:${line}:${column} ${path === "" ? "" : `${path}: `}${message}`,
      );
      return { ok: false, reason: problems.join("; ") };
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
  };
}

export function reloadNow(gateway: RunningGateway, read: () => ConfigRead): void {
  const result = read();
  if (result.ok) gateway.reload(result.config);
  else gateway.reloadFailed(result.reason);
}

/** Its directory is watched, not the file: a rename puts another file in its place. Returns what ends it. */
export function watchFile(file: string, onChange: () => void): () => void {
  let timer: Timer | undefined;
  const watcher = watch(dirname(file), (_event, name) => {
    if (name !== basename(file)) return;
    timer?.cancel();
    timer = after(QUIET_MS, onChange);
  });
  return () => {
    timer?.cancel();
    watcher.close();
  };
}
