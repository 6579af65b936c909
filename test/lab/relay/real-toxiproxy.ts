/**
 * The real Toxiproxy, built by Go from its sources once for each machine, or the one that ANYCASTLE_TOXIPROXY names. Go's
 * own settings (GOPROXY, GOFLAGS) are the environment's.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { preparePrivateDir } from "#lab/private-dir.ts";
import { TOXIPROXY_VERSION } from "#lab/relay/api/api.ts";
import { freePort } from "../../free-port.ts";
import { call } from "./relay-server.ts";

const BUILD_MS_MAX = 240_000;
/** Where Go's own installer puts it, which is on nobody's path. */
const GO_FOLDER = "/usr/local/go/bin";

export interface RealToxiproxy {
  readonly port: number;
  close(): Promise<void>;
}

/** A sentence when there is none. */
export function buildToxiproxy(): { readonly program: string } | { readonly why: string } {
  const named = process.env["ANYCASTLE_TOXIPROXY"];
  if (named !== undefined) return { program: named };
  const folder = join(tmpdir(), `anycastle-toxiproxy-${TOXIPROXY_VERSION}-${process.getuid?.() ?? "user"}`);
  const program = join(folder, "server");
  preparePrivateDir(folder); // What lies in it is run.
  if (existsSync(program)) return { program };
  const path = `${process.env["PATH"] ?? ""}${delimiter}${GO_FOLDER}`;
  const source = `github.com/Shopify/toxiproxy/v2/cmd/server@v${TOXIPROXY_VERSION}`;
  const built = spawnSync("go", ["install", source], {
    encoding: "utf8",
    timeout: BUILD_MS_MAX,
    env: { ...process.env, PATH: path, GOBIN: folder },
  });
  if (built.error !== undefined) return { why: `no Go to build Toxiproxy with (${built.error.message})` };
  if (built.status !== 0)
    return { why: `Go could not build Toxiproxy: ${built.stderr.trim().split("\n").at(-1)}` };
  return { program };
}

export async function startToxiproxy(program: string): Promise<RealToxiproxy> {
  const port = await freePort();
  const child: ChildProcess = spawn(
    program,
    ["-host", "127.0.0.1", "-port", String(port), "-proxy-metrics"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  // It logs that it starts before it listens.
  await once(createInterface({ input: child.stdout! }), "line");
  child.stdout!.resume();
  for (;;) {
    try {
      await call(port, "GET", "/version");
      break;
    } catch (error) {
      if (child.exitCode !== null) throw error;
    }
  }
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  return { port, close };
}
