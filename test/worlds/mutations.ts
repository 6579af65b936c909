/**
 * Ways to break the policy. Each is a change of one text in a copy of the sources; the worlds must find every one. A text that is
 * not there exactly once is an error: the mutation would break nothing.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = dirname(dirname(import.meta.dirname));
const COPIED = ["core", "gateway", "sim/world/event-loop.ts", "test/worlds", "package.json"];
/** Seeds in which a mutation may hide. */
const WORLDS = 400;
const MS_MAX = 120_000;

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const HEALTH = "gateway/health/node-health.ts";
const EXCHANGE = "gateway/forward/exchange.ts";

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "the retry budget is never empty",
    file: "gateway/resilience/retry-budget.ts",
    from: "return this.#spentSum * 100 + 100 <= this.#allowedTimes100();",
    to: "return this.#spentSum >= 0;",
  },
  {
    name: "a POST that may have been executed is sent again",
    file: "gateway/resilience/failure-class.ts",
    from: "return isIdempotent(permit.method) || permit.hasIdempotencyKey || permit.isOptedIn;",
    to: 'return permit.method !== "";',
  },
  {
    name: "a POST is hedged",
    file: EXCHANGE,
    from: "      isIdempotent(this.#head.method) &&\n      (this.#body === undefined || this.#body.isWhole)\n    );",
    to: "      (this.#body === undefined || this.#body.isWhole)\n    );",
  },
  {
    name: "failed checks take nobody out",
    file: HEALTH,
    from: "if (state.failures < this.#profile.unhealthyThreshold) return undefined;",
    to: "if (state.failures < 1e9) return undefined;",
  },
  {
    name: "passed checks bring nobody back",
    file: HEALTH,
    from: "if (state.passes < this.#profile.healthyThreshold) return undefined;",
    to: "if (state.passes < 1e9) return undefined;",
  },
  {
    name: "nodes that are out are in rotation",
    file: HEALTH,
    from: 'return is === "healthy" || (is === "unproven" && !this.#isAnyProven);',
    to: 'return is === "healthy" || is === "unhealthy" || (is === "unproven" && !this.#isAnyProven);',
  },
  {
    name: "an ejection for errors never ends",
    file: HEALTH,
    from: "const untilMs = nowMs + ejectionMs(times, this.#outliers);",
    to: "const untilMs = nowMs + 1e9 * ejectionMs(times, this.#outliers);",
  },
  {
    name: "a node that is out is probed by everybody",
    file: HEALTH,
    from: "this.#probeMs[node] = nowMs + probeIntervalMs * Math.min(PROBE_INTERVALS_MAX, this.#probes[node]!);",
    to: "this.#probeMs[node] = nowMs + 0 * probeIntervalMs * PROBE_INTERVALS_MAX;",
  },
  {
    name: "an attempt that has ended is not given back",
    file: EXCHANGE,
    from: "    this.#engine.fleet.balancerOf(node).giveBack(node.index);\n",
    to: "",
  },
  {
    name: "a node that was tried is tried again",
    file: "gateway/balancer/member-balancer.ts",
    from: "!request.excluded.includes(node) && isEligible(node)",
    to: "isEligible(node)",
  },
  {
    name: "nobody is asked as a last resort",
    file: "gateway/resilience/rescue-plan.ts",
    from: "sweep < this.#sweeps.length; sweep++",
    to: "sweep < 1; sweep++",
  },
  {
    name: "the next site is never asked",
    file: "gateway/resilience/rescue-plan.ts",
    from: "      for (let index = 0; index < sites.length; index++) {\n        const site = sites[index]!;\n        const node = this.#pick(site, mayTake, request);",
    to: "      for (let index = 0; index < Math.min(1, sites.length); index++) {\n        const site = sites[index]!;\n        const node = this.#pick(site, mayTake, request);",
  },
  {
    name: "a slow start never ends",
    file: "gateway/forward/fleet.ts",
    from: "for (const index of this.#starting.keys()) this.#balance(this.node(index), nowMs);",
    to: "for (const index of this.#starting.keys()) this.#balance(this.node(index), 0 * nowMs);",
  },
  {
    name: "the loser of a hedge goes on",
    file: EXCHANGE,
    from: "if (this.#running.length > 1) this.#dismissLosers(attempt, nowMs);",
    to: "",
  },
  {
    name: "deadlines are not met",
    file: "gateway/forward/deadlines.ts",
    from: "entry.dueMs <= nowMs) entry.due(nowMs);",
    to: "entry.dueMs <= nowMs - 1e9) entry.due(nowMs);",
  },
  {
    name: "the rest of a body is asked for one byte too far",
    file: "gateway/resilience/resume.ts",
    from: "`bytes=${this.next}-${this.end - 1}`",
    to: "`bytes=${this.next + 1}-${this.end - 1}`",
  },
  {
    name: "the rest of another body is taken for the right one",
    file: "gateway/resilience/resume.ts",
    from: "      sign.etag === this.etag &&\n",
    to: "",
  },
  {
    name: "a breaker that is open stays open",
    file: "gateway/resilience/breaker/breaker.ts",
    from: 'this.#become({ is: "half_open", permits: this.#options.permittedCallsInHalfOpen });',
    to: 'this.#become({ is: "half_open", permits: 0 * this.#options.permittedCallsInHalfOpen });',
  },
];

/** Exit status: 0 every one was found. */
export function huntMutations(say: (line: string) => void): number {
  let missed = 0;
  for (const mutation of MUTATIONS) {
    const found = hunt(mutation);
    if (found === undefined) missed += 1;
    say(
      `${found === undefined ? "MISSED" : "found "}  ${mutation.name}${found === undefined ? "" : `: ${found}`}`,
    );
  }
  say(`${MUTATIONS.length - missed} passed, ${missed} failed`);
  return missed === 0 ? 0 : 1;
}

/** What the worlds say about it; undefined: nothing. */
function hunt({ file, from, name, to }: Mutation): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "anycastle-mutation-"));
  try {
    for (const each of COPIED) cpSync(join(ROOT, each), join(directory, each), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
    const text = readFileSync(join(directory, file), "utf8");
    if (text.split(from).length !== 2)
      throw new Error(`"${name}": ${file} does not have its text exactly once`);
    writeFileSync(
      join(directory, file),
      text.replace(from, () => to),
    );
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(directory, "test", "worlds", "main.ts"), "--worlds", String(WORLDS), "--failures-max", "1"],
      { cwd: directory, encoding: "utf8", timeout: MS_MAX },
    );
    if (status === 0) return undefined;
    if (status !== 1) throw new Error(`"${name}" cannot be played: ${stderr.slice(0, 2_000)}`);
    return /^world \d+: .*/m.exec(stdout)?.[0].slice(0, 160) ?? "failed";
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
