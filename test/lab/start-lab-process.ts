/** A lab in a process of its own (`lab-process.ts`) for a whole file of tests. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NdjsonReader } from "#core/host/ndjson.ts";

const LAB = fileURLToPath(new URL("lab-process.ts", import.meta.url));

export interface LabProcess {
  /** Its runtime directory. */
  readonly dir: string;
  /** `kill -9`: its guardian ends what it started. The directory goes. */
  end(): Promise<void>;
}

/** Resolves when the lab is whole. */
export async function startLabProcess(): Promise<LabProcess> {
  const dir = mkdtempSync(join(tmpdir(), "anycastle-lab-"));
  const lab = spawn(process.execPath, [LAB, dir], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve) => {
    const reader = new NdjsonReader(
      () => resolve(),
      () => undefined,
    );
    lab.stdout.on("data", (chunk: Buffer) => reader.push(chunk));
  });
  return {
    dir,
    end: async () => {
      const isOver = new Promise((resolve) => lab.once("exit", resolve));
      lab.kill("SIGKILL");
      await isOver;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
