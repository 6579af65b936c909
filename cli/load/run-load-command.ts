/**
 * The load run of a person: progress once a second on standard error, the result at the end. It runs in a process of
 * its own, so that drawing progress disturbs no measurement. With a lab it reports itself to the lab's journal.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EXIT, UserError } from "#core/errors.ts";
import { vantageIds } from "#core/geography/rtt.ts";
import { every } from "#core/host/clock.ts";
import { randomSeed } from "#core/host/random.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { LabClient } from "#lab/client.ts";
import { renderLoadResult } from "#loadtest/load/render-load.ts";
import { startLoad } from "#loadtest/load/run-load.ts";
import { knownVantages } from "../arguments.ts";
import { Departure } from "../departure.ts";
import type { LoadFlags } from "../load.ts";
import { isCursorFree, type Output } from "../output.ts";
import { httpUrl } from "../test.ts";

/** What any host must bear from a stranger. */
const UNASKED_RATE_MAX = 50;
const PROGRESS_MS = 1000;
/** What was sent before a Ctrl-C is waited for; the load room's own bound of a request. */
const OPEN_MS_MAX = 10_000;

export async function runLoad(output: Output, flags: LoadFlags): Promise<number> {
  const client = flags.url === undefined ? LabClient.find() : undefined;
  const url = client?.gatewayUrl ?? httpUrl(flags.url!);
  refuseStrangers(url, flags);
  const vantages = await vantagesOf(flags, url, client);
  if (flags.engine !== undefined || flags.plan !== undefined) {
    const { runEngines } = await import("./run-engines.ts");
    return runEngines(output, flags, { url, vantages, client });
  }
  const executionUrls = client === undefined ? [] : await nodeUrls(client);
  const seed = flags.seed ?? randomSeed();
  const dir = mkdtempSync(join(tmpdir(), "anycastle-load-"));
  const progress = new Progress();
  try {
    const load = startLoad({
      document: {
        url,
        rate: flags.rate,
        durationMs: flags.duration,
        warmUpMs: flags.warmUp,
        vantages,
        seed,
        lagGateMs: flags.lagGate,
        resultFile: join(dir, "result.json"),
        logFile: flags.log === undefined ? join(dir, "requests.log") : resolve(flags.log),
        executionUrls,
      },
      onEvent: (event) => {
        progress.hear(event);
        reportTo(client, event);
      },
    });
    output.tell(
      `${flags.rate} requests/s to ${url} for ${flags.duration / 1000} s, seed ${seed}, ` +
        `void above ${flags.lagGate} ms send lag (Ctrl-C ends it early)`,
    );
    const departure = new Departure({
      drainMs: OPEN_MS_MAX,
      drain: async () => {
        load.stop();
        await load.finished;
      },
      now: async () => void (load.pid === undefined || process.kill(load.pid, "SIGKILL")),
    });
    try {
      const { result } = await load.finished;
      progress.end();
      print(output, flags, result);
      if (departure.hasBegun) return await departure.done;
      return result.failedTotal > 0 || result.isVoid ? EXIT.failure : EXIT.ok;
    } catch (error) {
      // Killed by a second Ctrl-C: there is no result, and everybody knows why.
      if (departure.hasBegun) return await departure.done;
      throw error;
    }
  } finally {
    progress.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

function print(output: Output, flags: LoadFlags, result: LoadResult): void {
  if (flags.json === true) output.printJson(result);
  else output.print(renderLoadResult(result, { isColour: output.isColour }).trimEnd());
}

/** Those of the running lab, which may have a world of its own. */
async function vantagesOf(
  flags: LoadFlags,
  url: string,
  client: LabClient | undefined,
): Promise<{ vantage: string; host: string }[]> {
  const { port } = new URL(url);
  const known =
    client === undefined ? vantageIds() : (await client.status()).vantages.map(({ vantage }) => vantage);
  return knownVantages(flags.vantages, known).map((vantage) => ({
    vantage,
    host: `${vantage}.localhost${port === "" ? "" : `:${port}`}`,
  }));
}

async function nodeUrls(client: LabClient): Promise<string[]> {
  const { sites } = await client.status();
  return sites.flatMap((site) => site.nodes.map(({ url }) => url));
}

function refuseStrangers(url: string, { rate, iMayLoadThisHost }: LoadFlags): void {
  const { hostname } = new URL(url);
  if (rate <= UNASKED_RATE_MAX || iMayLoadThisHost === true || isLoopback(hostname)) return;
  throw new UserError(
    "LOAD_STRANGER",
    `${rate} requests/s to ${hostname} would be an attack, unless it is yours`,
    {
      hint: `add --i-may-load-this-host if it is, or stay at --rate ${UNASKED_RATE_MAX} or below`,
    },
  );
}

function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]") return true;
  return isIP(hostname) === 4 && hostname.startsWith("127.");
}

/** The lab's journal hears what a run by hand does; a lab that does not listen does not stop the run. */
function reportTo(client: LabClient | undefined, event: ProcessEvent): void {
  if (client === undefined || !event.kind.startsWith("load.")) return;
  const { atNs: _atNs, source: _source, ...body } = event;
  client.emit(body).catch(() => undefined);
}

class Progress {
  #sent = 0;
  #failed = 0;
  #p99Ms = 0;
  readonly #isLive = isCursorFree(process.stderr);
  readonly #timer = every(PROGRESS_MS, () => this.#show(), { unref: true });

  hear(event: ProcessEvent): void {
    if (event.kind !== "load.window") return;
    this.#sent += event.sent;
    this.#failed += event.failed;
    this.#p99Ms = event.p99Ms;
  }

  end(): void {
    this.#timer.cancel();
    if (this.#isLive) process.stderr.write("\r\u001b[K");
  }

  #show(): void {
    const line = `sent ${this.#sent}, failed ${this.#failed}, p99 ${this.#p99Ms.toFixed(0)} ms`;
    process.stderr.write(this.#isLive ? `\r${line}\u001b[K` : `${line}\n`);
  }
}
