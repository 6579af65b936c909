#!/usr/bin/env node
// The launcher: old-syntax JavaScript that any Node can read. It finds a Node new enough for the rest (24.12 or later)
// and hands over to it: this one, or the one that `npm install` put beside the project.
//
// When it hands over, it stays as a shell around the real process: signals go through to it, its end becomes this
// one's end (same status, same signal), and should this process be killed outright, the real one sees the channel
// between them close and ends as if by SIGTERM. A Ctrl-C of a terminal reaches both; the real process takes two
// within a moment for one.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";

const RELAUNCHED = "ANYCASTLE_RELAUNCHED";
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

function isNewEnough(version) {
  const parts = version.split(".").map(Number);
  return parts[0] > 24 || (parts[0] === 24 && parts[1] >= 12);
}

async function run() {
  const { enableCompileCache } = await import("node:module");
  // Beside the code it is made from: whoever can write there could change the code itself.
  enableCompileCache(join(root, "node_modules", ".cache", "anycastle"));
  if (process.env[RELAUNCHED] !== undefined) {
    delete process.env[RELAUNCHED];
    if (process.channel !== undefined) {
      process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
      process.channel.unref();
    }
  }
  await import("../cli/main.ts");
}

function handOver(node) {
  const env = Object.assign({}, process.env);
  env[RELAUNCHED] = "1";
  const child = spawn(node, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env,
  });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`anycastle: ${node} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

const bundled = join(root, "node_modules", ".bin", process.platform === "win32" ? "node.exe" : "node");
if (isNewEnough(process.versions.node)) {
  await run();
} else if (existsSync(bundled) && process.env[RELAUNCHED] === undefined) {
  handOver(bundled);
} else {
  process.stderr.write(
    `anycastle needs Node 24.12 or later; this is ${process.versions.node}.\n` +
      "Type `npm install` in the project (it brings one along on Linux and Windows), or `nvm install 24`.\n",
  );
  process.exit(1);
}
