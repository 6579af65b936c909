/**
 * How fast a lab starts, and how fast the gateway leaves a node that was killed, from the journal of a real lab.
 *
 *   start.ms         from the order to start until all nine sites are announced
 *   kill.detect_ms   from SIGKILL of every node of a site until the gateway has taken the last of them out
 *   kill.reroute_ms  from SIGKILL until the start of the first 10 ms bin from which no attempt goes to a dead node
 *
 * The kills come at a random phase of the checks, under load from the site's own city.
 */
import { SITES } from "#core/geography/cities.ts";
import { nowNs, sleep } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import { LAB_DEFAULTS, type Lab } from "#lab/lab.ts";
import { startBenchLab } from "./bench-lab.ts";
import { ForeignLoad } from "./foreign-load.ts";
import { benchResult, type BenchResult } from "./results.ts";
import { SteadyLoad } from "./steady-load.ts";

const NS_PER_MS = 1e6;
const SITE = "ny1";
const VANTAGE = "new-york";
const RATE_PER_S = 200;
const BIN_MS = 10;
const LOOK_MS = 4;
const LOOKS_MAX = 2000;
/** After this long without an attempt on a dead node there will be none; under load one comes every 5 ms. */
const QUIET_MS = 300;
const DETECT_MS_MAX = 20_000;
/** A kill comes this long after the cast is whole, plus a random part of the interval of the checks. */
const SETTLE_MS = 300;
const PHASE_MS = 300;

export async function startTimes(
  directory: string,
  count: number,
  say: (line: string) => void,
): Promise<BenchResult[]> {
  const samples: number[] = [];
  const noise = new ForeignLoad();
  // One more: the first fills the compile cache.
  for (let index = 0; index <= count; index++) {
    const startedNs = nowNs();
    const lab = await startBenchLab(directory, index + 1);
    try {
      await lab.untilReady();
      const firstAnnounced = new Map<string, number>();
      for (const event of lab.journal.since(0)) {
        if (event.kind !== "site.announced" || firstAnnounced.has(event.site)) continue;
        firstAnnounced.set(event.site, event.atNs);
      }
      if (firstAnnounced.size !== SITES.length)
        throw new Error(`only ${firstAnnounced.size} sites announced`);
      if (index > 0) samples.push((Math.max(...firstAnnounced.values()) - startedNs) / NS_PER_MS);
    } finally {
      noise.touch();
      await lab.stop("the benchmark has what it wants", "now");
    }
    say(`start: ${index} of ${count}`);
  }
  return [
    benchResult("start.ms", "ms", samples, {
      nodes: SITES.length * LAB_DEFAULTS.nodesPerSite,
      from: "Lab.start in a process whose modules are loaded; compile cache filled",
      foreignCores: noise.cores(say),
    }),
  ];
}

export async function killTimes(
  directory: string,
  count: number,
  say: (line: string) => void,
): Promise<BenchResult[]> {
  const lab = await startBenchLab(directory);
  const noise = new ForeignLoad();
  const detectMs: number[] = [];
  const rerouteMs: number[] = [];
  const phase = new Prng(1).fork("bench/phase");
  let load: SteadyLoad | undefined;
  try {
    await lab.untilReady();
    load = new SteadyLoad(lab.gatewayUrl, VANTAGE, RATE_PER_S);
    for (let index = 0; index < count; index++) {
      await sleep(SETTLE_MS + phase.integer(0, PHASE_MS));
      const times = await killOnce(lab);
      detectMs.push(times.detectMs);
      rerouteMs.push(times.rerouteMs);
      await lab.revive({ target: SITE });
      await untilServed(lab);
      noise.touch();
      say(`kill: ${index + 1} of ${count}`);
    }
  } finally {
    load?.stop();
    await lab.stop("the benchmark has what it wants", "now");
  }
  const context = {
    target: SITE,
    how: "kill",
    load: `${RATE_PER_S} GET/s from ${VANTAGE}, open loop, keep-alive`,
    sent: load.sent,
    answered: load.answered,
    failed: load.failed,
    failures: load.reasons,
    foreignCores: noise.cores(say),
  };
  if (load.failed > 0)
    say(`kill: ${load.failed} of ${load.sent} requests failed: ${load.reasons.join(", ")}`);
  return [
    benchResult("kill.detect_ms", "ms", detectMs, context),
    benchResult("kill.reroute_ms", "ms", rerouteMs, { ...context, binMs: BIN_MS }),
  ];
}

async function killOnce(lab: Lab): Promise<{ detectMs: number; rerouteMs: number }> {
  const sinceSeq = lab.journal.lastSeq;
  const watch = new AttemptWatch(lab);
  await watch.hasBegun;
  const { nodes, atNs: injectedNs } = await lab.fail({ target: SITE, how: "kill" });
  const outs = await Promise.all(nodes.map((node) => takenOut(lab, node, sinceSeq)));
  const outNs = Math.max(...outs.map((event) => event.atNs));
  const lastNs = await watch.lastAttempt();
  // The bin in which the last attempt was seen is over.
  const rerouteMs = Math.ceil(Math.max(0, lastNs - injectedNs) / NS_PER_MS / BIN_MS) * BIN_MS;
  return { detectMs: (outNs - injectedNs) / NS_PER_MS, rerouteMs };
}

function takenOut(lab: Lab, node: string, sinceSeq: number): Promise<JournalEvent> {
  return lab.waitFor(
    (event) =>
      event.kind === "gateway.node" &&
      event.node === node &&
      (event.to === "ejected" || event.to === "unhealthy"),
    { sinceSeq, timeoutMs: DETECT_MS_MAX, what: `the gateway to take ${node} out` },
  );
}

/** Looks at the gateway's counters, from before the kill until no attempt has gone to the site for long enough. */
class AttemptWatch {
  readonly hasBegun: Promise<void>;
  readonly #last: Promise<number>;
  #isAsked = false;

  constructor(lab: Lab) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.hasBegun = promise;
    this.#last = this.#watch(lab, resolve);
    this.#last.catch(() => undefined); // Told by `lastAttempt`, if anybody still asks.
  }

  /** When the last attempt was seen, at the latest. */
  lastAttempt(): Promise<number> {
    this.#isAsked = true; // A pause of the load before the kill is no end.
    return this.#last;
  }

  async #watch(lab: Lab, begun: () => void): Promise<number> {
    let count = await attemptsAtSite(lab);
    let lastNs = nowNs();
    begun();
    for (let look = 0; look < LOOKS_MAX; look++) {
      await sleep(LOOK_MS);
      const now = await attemptsAtSite(lab);
      const atNs = nowNs();
      if (now !== count) lastNs = atNs;
      else if (this.#isAsked && atNs - lastNs > QUIET_MS * NS_PER_MS) return lastNs;
      count = now;
    }
    throw new Error(`attempts go to ${SITE} long after it was killed`);
  }
}

async function attemptsAtSite(lab: Lab): Promise<number> {
  const answer = await fetch(`${lab.gatewayAdminUrl}/status`);
  const status = (await answer.json()) as GatewayStatus;
  return status.nodes.reduce((sum, node) => sum + (node.site === SITE ? node.attempts : 0), 0);
}

async function untilServed(lab: Lab): Promise<void> {
  // The restarted nodes are not known as ready until they have said so.
  await sleep(SETTLE_MS);
  await lab.untilReady();
  const isBack = (): boolean =>
    lab.status().vantages.some(({ vantage, site }) => vantage === VANTAGE && site === SITE);
  if (isBack()) return;
  await lab.waitFor(
    (event) => event.kind === "vantage.moved" && event.vantage === VANTAGE && event.to === SITE,
    {
      timeoutMs: DETECT_MS_MAX,
      what: `${VANTAGE} to return to ${SITE}`,
    },
  );
}
