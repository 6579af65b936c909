/**
 * What a request costs in a proxy: CPU time of the whole proxy per request, and latency beside it, for the gateway and
 * its rivals on the same box in the same run. Rounds are interleaved (A B C D A B C D ...), so that a box that gets
 * slower or warmer does so for all of them. Figures are for comparing within one run only.
 */
import { ForeignLoad } from "./foreign-load.ts";
import { CONNECTIONS, loadTool, runLoad } from "./load.ts";
import { canPin } from "./processes.ts";
import {
  BODY_BYTES,
  LOAD_CORE,
  PROXY_NAMES,
  startNodes,
  startProxy,
  type ProxyName,
  type RunningProxy,
} from "./proxies.ts";
import { benchResult, type BenchResult } from "./results.ts";

export interface Rounds {
  readonly count: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Proxies whose code gets faster while it runs. */
const COMPILED_LATE: readonly ProxyName[] = ["gateway", "http-proxy", "fast-proxy", "reply-from"];

interface Samples {
  readonly cpuUs: number[];
  readonly p50Us: number[];
  readonly p99Us: number[];
  requests: number;
  failed: number;
}

export async function proxyCost(
  directory: string,
  rounds: Rounds,
  say: (line: string) => void,
): Promise<BenchResult[]> {
  const nodes = await startNodes(directory);
  const proxies: RunningProxy[] = [];
  for (const name of PROXY_NAMES) {
    const proxy = await startProxy(name, { directory, nodePorts: nodes.ports });
    if (typeof proxy === "string") say(`${name}: ${proxy}`);
    else proxies.push(proxy);
  }
  if (!canPin) say("no taskset or one core only: proxy and load share what there is");
  const samples = new Map<ProxyName, Samples>();
  for (const { name, port } of proxies) {
    samples.set(name, { cpuUs: [], p50Us: [], p99Us: [], requests: 0, failed: 0 });
    if (!COMPILED_LATE.includes(name)) continue;
    await runLoad(port, rounds.warmUpSeconds, LOAD_CORE);
  }
  const noise = new ForeignLoad();
  for (let round = 0; round < rounds.count; round++) {
    for (const proxy of proxies) await sample(proxy, rounds.seconds, samples.get(proxy.name)!);
    noise.touch();
    say(`proxies: round ${round + 1} of ${rounds.count}`);
  }
  const foreignCores = noise.cores(say);
  for (const { process } of proxies) await process.stop();
  await nodes.process.stop();
  const context = {
    load: `${loadTool}, closed loop, ${CONNECTIONS} connections`,
    secondsPerSample: rounds.seconds,
    bodyBytes: BODY_BYTES,
    nodes: nodes.kind,
    isPinned: canPin,
    foreignCores,
  };
  return proxies.flatMap((proxy) => figures(proxy, samples.get(proxy.name)!, context, say));
}

async function sample(proxy: RunningProxy, seconds: number, into: Samples): Promise<void> {
  const beforeUs = proxy.process.cpuUs();
  const outcome = await runLoad(proxy.port, seconds, LOAD_CORE);
  const cpuUs = proxy.process.cpuUs() - beforeUs;
  into.cpuUs.push(cpuUs / outcome.requests);
  into.p50Us.push(outcome.p50Us);
  into.p99Us.push(outcome.p99Us);
  into.requests += outcome.requests;
  into.failed += outcome.failed;
}

/** `p50` and `p99` are those of a busy core with 64 requests waiting: mostly the time spent in the queue. */
function figures(
  proxy: RunningProxy,
  samples: Samples,
  shared: Record<string, unknown>,
  say: (line: string) => void,
): BenchResult[] {
  const { requests, failed } = samples;
  if (failed > 0) say(`${proxy.name}: ${failed} of ${requests} requests failed`);
  const context = { ...shared, version: proxy.version, requests, failed };
  return [
    benchResult(`${proxy.name}.cpu_us_per_request`, "us", samples.cpuUs, context),
    benchResult(`${proxy.name}.p50_us`, "us", samples.p50Us, context),
    benchResult(`${proxy.name}.p99_us`, "us", samples.p99Us, context),
  ];
}
