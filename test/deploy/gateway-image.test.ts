/**
 * The image that has the gateway only, without an engine: exactly the files that its recipe names, in an empty folder, with
 * exactly the packages that its recipe leaves, serve. `npm run containers` builds and runs the image itself.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cleanEnvironment, LongRun, run, type CliRun } from "../cli/run-cli.ts";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

const recipe = readFileSync(join(PROJECT_ROOT, "deploy", "Dockerfile"), "utf8").replaceAll(/\\\n/g, " ");
const stage = stageOf("gateway");

/** Instructions from its `FROM` to the next. */
function stageOf(name: string): string[] {
  const lines = recipe.split("\n").filter((line) => /^[A-Z]/.test(line));
  const from = lines.findIndex((line) => line.startsWith("FROM ") && line.endsWith(` AS ${name}`));
  const rest = lines.slice(from + 1);
  const end = rest.findIndex((line) => line.startsWith("FROM "));
  expect(from, `a stage ${name}`).toBeGreaterThan(-1);
  return end === -1 ? rest : rest.slice(0, end);
}

function copies(): { sources: string[]; target: string }[] {
  return stage
    .filter((line) => line.startsWith("COPY ") && !line.startsWith("COPY --from="))
    .map((line) => {
      const words = line.split(" ").slice(1);
      return { sources: words.slice(0, -1), target: words.at(-1)! };
    });
}

interface LockEntry {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optional?: boolean;
}

/** Folders of `node_modules` that `npm ci --omit=dev --omit=optional` makes, less what `npm uninstall` of the stage takes. */
function keptPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, LockEntry>;
  };
  const uninstall = stageOf("gateway-dependencies").find((line) => line.includes('"uninstall"'))!;
  const words = JSON.parse(uninstall.slice("RUN ".length)) as string[];
  const removed = words.slice(2).filter((word) => !word.startsWith("--"));
  const kept = new Set<string>();
  const visit = (from: string, name: string): void => {
    for (let folder = from; ; folder = dirname(folder)) {
      const path = join(folder === "." ? "" : folder, "node_modules", name);
      if (packages[path] !== undefined) {
        if (kept.has(path) || packages[path].optional === true) return;
        kept.add(path);
        for (const next of Object.keys(packages[path].dependencies ?? {})) visit(path, next);
        return;
      }
      expect(folder, `${name}, which ${from} needs`).not.toBe(".");
    }
  };
  const direct = Object.keys(packages[""]!.dependencies ?? {});
  expect(removed.filter((name) => !direct.includes(name))).toEqual([]);
  for (const name of direct.filter((one) => !removed.includes(one))) visit(".", name);
  return [...kept];
}

const dir = mkdtempSync(join(tmpdir(), "anycastle-gateway-image-"));
const app = join(dir, "app");
const launcher = join(app, "bin", "anycastle.js");
let upstream: Server;

beforeAll(async () => {
  for (const { sources, target } of copies()) {
    for (const source of sources) {
      const name =
        sources.length > 1 || target.endsWith("/") ? join(target, source.split("/").at(-1)!) : target;
      cpSync(join(PROJECT_ROOT, source), join(app, name), { recursive: true });
    }
  }
  for (const path of keptPackages()) {
    mkdirSync(dirname(join(app, path)), { recursive: true });
    // A package within a package comes with the outer one.
    cpSync(join(PROJECT_ROOT, path), join(app, path), { recursive: true, force: false });
  }
  upstream = createServer((_request, response) => response.end("from the node\n"));
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  upstream.close();
  upstream.closeAllConnections();
  rmSync(dir, { recursive: true, force: true });
});

const command = (...args: string[]): Promise<CliRun> => run(process.execPath, [launcher, ...args], dir);

test("it serves, is healthy by its own check, and ends by the signal that the image names", async () => {
  const { port } = upstream.address() as AddressInfo;
  writeFileSync(
    join(dir, "edge.yaml"),
    `listen: 127.0.0.1:0
admin: 127.0.0.1:0
sites:
  - id: fra
    nodes: [{ id: fra-1, url: "http://127.0.0.1:${port}" }]
`,
  );
  const gateway = new LongRun(dir, ["gateway", "--config", "edge.yaml"], process.execPath, launcher);
  await gateway.said("fra-1 unproven -> healthy");
  const url = /gateway {2}(http:\S+)/.exec(gateway.stdout)?.[1] ?? "";
  const adminUrl = /admin (http:[\d./:]+)\/status/.exec(gateway.stdout)?.[1] ?? "";
  const answer = await fetch(url);
  expect([answer.status, await answer.text()]).toEqual([200, "from the node\n"]);
  const env = { ...cleanEnvironment(dir), ANYCASTLE_HEALTH_URL: `${adminUrl}/health/ready` };
  const check = /HEALTHCHECK .* CMD (.*)$/m.exec(stage.join("\n"))?.[1] ?? "[]";
  const [node, script = ""] = JSON.parse(check) as string[];
  expect(node).toBe("node");
  const health = spawnSync(process.execPath, [script.replace("/app", app)], { env, encoding: "utf8" });
  expect([health.status, health.stdout]).toEqual([0, ""]);
  expect(stage).toContain("STOPSIGNAL SIGTERM");
  gateway.kill("SIGTERM");
  expect(await gateway.ended).toEqual({ status: 143, signal: null });
});

test("the traces' packages are there for who turns them on", async () => {
  const load = `const parts = ["api", "exporter-trace-otlp-http", "resources", "sdk-node", "sdk-trace"];
    for (const part of parts) await import("@opentelemetry/" + part);`;
  const { status, stderr } = await run(process.execPath, ["--input-type=module", "--eval", load], app);
  expect([status, stderr]).toEqual([0, ""]);
});

test("help, completion and every other command speak of what is there", async () => {
  const { stdout } = await command("--help");
  const named = [...stdout.matchAll(/^ {2}([a-z]+) (?: |\[|<)/gm)].map(([, name]) => name);
  expect(named).toEqual(["gateway", "config", "completion", "version", "help"]);
  for (const [, name] of stdout.matchAll(/^ {2}\$ anycastle (\w+)/gm)) expect(named).toContain(name);
  const { stdout: script } = await command("completion", "bash");
  expect(script).not.toMatch(/demo|sim/);
  for (const absent of ["demo", "sim", "load", "doctor"]) {
    const { status, stderr } = await command(absent, "--seed", "1", "all");
    expect(status).toBe(2);
    expect(stderr).toContain(
      `error: \`anycastle ${absent}\` is not in this image, which has only gateway, config, completion, version\n`,
    );
  }
});

test("the other commands that are there run to their ends", async () => {
  for (const [args, said] of [
    [["config", "init", "new.yaml"], "wrote new.yaml"],
    [["config", "validate", "-c", "new.yaml"], "new.yaml is valid"],
    [["config", "print", "-c", "new.yaml", "--sources"], "# default"],
    [["config", "schema"], "json-schema"],
    [["version"], "anycastle "],
  ] as const) {
    const { status, stdout, stderr } = await command(...args);
    expect([args.join(" "), status, stderr.includes("error")]).toEqual([args.join(" "), 0, false]);
    expect(stdout).toContain(said);
  }
});

test("no file of another room, no package that nothing loads by name, no test", () => {
  const rooms = readdirSync(app).filter((name) => !/\.json$|^[A-Z]+$/.test(name));
  expect(rooms.toSorted()).toEqual(["bin", "cli", "core", "gateway", "node_modules"]);
  const packages = readdirSync(join(app, "node_modules"));
  for (const name of ["autocannon", "hdr-histogram-js", "typescript", "vitest"]) {
    expect(packages).not.toContain(name);
  }
  // What the ignore file keeps from the engine cannot be copied.
  const sent = readFileSync(join(PROJECT_ROOT, ".dockerignore"), "utf8");
  for (const { sources } of copies()) {
    for (const source of sources) expect(sent).toContain(`!${source.split("/")[0]}\n`);
  }
});
