#!/usr/bin/env node
// The launcher: old-syntax JavaScript that any Node can read. It finds a Node new enough for the rest (24.12 or later)
// and hands over to it: this one, or the one that `npm install` put beside the project.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function isNewEnough(version) {
  const parts = version.split(".").map(Number);
  return parts[0] > 24 || (parts[0] === 24 && parts[1] >= 12);
}

if (isNewEnough(process.versions.node)) {
  const { enableCompileCache } = await import("node:module");
  enableCompileCache();
  await import("../cli/main.ts");
} else {
  const bundled = join(root, "node_modules", ".bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(bundled) && process.env["ANYCASTLE_RELAUNCHED"] !== "1") {
    const result = spawnSync(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: "inherit",
      env: { ...process.env, ANYCASTLE_RELAUNCHED: "1" },
    });
    process.exit(result.status ?? 1);
  }
  process.stderr.write(
    `anycastle needs Node 24.12 or later; this is ${process.versions.node}.\n` +
      "Type `npm install` in the project (it brings one along on Linux and Windows), or `nvm install 24`.\n",
  );
  process.exit(1);
}
