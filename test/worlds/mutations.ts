/**
 * Ways to break the policy. Each is a change of one text in a copy of the sources; the worlds must find every one. A text that is
 * not there exactly once is an error (the mutation would break nothing), and so is a copy that does not run (anything would). First
 * a copy without any change is played, in which nothing may be found.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = dirname(dirname(import.meta.dirname));
const COPIED = ["core", "gateway", "sim/world/event-loop.ts", "test/worlds", "package.json"];
/** Seeds in which a mutation may hide. */
const WORLDS = 600;
/** Without a mutation: whether the copy can be played at all. */
const CONTROL_WORLDS = 40;
const MS_MAX = 120_000;

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const HEALTH = "gateway/health/node-health.ts";
const EXCHANGE = "gateway/forward/exchange.ts";
const BREAKER = "gateway/resilience/breaker/breaker.ts";
const PLAN = "gateway/resilience/rescue-plan.ts";
const POOL = "gateway/balancer/site-pool.ts";

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
    file: PLAN,
    from: "sweep < this.#sweeps.length; sweep++",
    to: "sweep < 1; sweep++",
  },
  {
    name: "the next site is never asked",
    file: PLAN,
    from: "for (let index = 0; index < sites.length; index++) {",
    to: "for (let index = 0; index < Math.min(1, sites.length); index++) {",
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
  {
    name: "hedges are made without a budget",
    file: EXCHANGE,
    from: "!retryBudget.covers(nowMs) || !hedgeBudget.withdraw(nowMs)) return;",
    to: "!retryBudget.covers(nowMs)) return;",
  },
  {
    name: "hedges are not paid from the retry budget",
    file: EXCHANGE,
    from: "    retryBudget.withdraw(nowMs);\n    telemetry.hedged();",
    to: "    telemetry.hedged();",
  },
  {
    name: "what is resumed is not paid",
    file: EXCHANGE,
    from: "if (!retryBudget.withdraw(nowMs)) return this.#abort(failure, attempt.node.slot);\n",
    to: "",
  },
  {
    name: "old requests still fill the budget",
    file: "gateway/resilience/retry-budget.ts",
    from: "        this.#requestSum -= this.#requests[index]!;\n",
    to: "",
  },
  {
    name: "attempts are without number",
    file: EXCHANGE,
    from: "return count < this.#engine.config.retry.attemptsMax;",
    to: "return count < 1_000;",
  },
  {
    name: "bodies are resumed without end",
    file: EXCHANGE,
    from: "this.#resumeCount >= config.resume.resumesMax",
    to: "this.#resumeCount >= 1_000",
  },
  {
    name: "a body that stands still is waited for",
    file: EXCHANGE,
    from: '    attempt.cancel();\n    this.attemptFailed(attempt, "timeout");\n  }\n\n  #dismissLosers',
    to: "  }\n\n  #dismissLosers",
  },
  {
    name: "the whole deadline is twice as long",
    file: EXCHANGE,
    from: "if (nowMs - this.#awaitedSinceMs >= this.totalMs) return",
    to: "if (nowMs - this.#awaitedSinceMs >= 2 * this.totalMs) return",
  },
  {
    name: "a place in line is not handed on",
    file: EXCHANGE,
    from: "    this.#engine.line?.leave(nowMs);\n",
    to: "",
  },
  {
    name: "whoever leaves the line keeps its place in it",
    file: "gateway/listener/waiting-request.ts",
    from: "  clientGone(): void {\n    this.#options.line.giveUp(this, this.#options.deadlines.nowMs());\n",
    to: "  clientGone(): void {\n",
  },
  {
    name: "the line knows no deadline of a request",
    file: "gateway/listener/waiting-request.ts",
    from: "return { dueMs: Math.min(dueMs, answerDueMs - headMs), answerDueMs };",
    to: "return { dueMs, answerDueMs: Infinity };",
  },
  {
    name: "whoever would be too late waits all the same",
    file: "gateway/admission/waiting-line.ts",
    from: "if (this.#isLate(tier, arrival, nowMs)) return LATE;",
    to: "",
  },
  {
    name: "a place is handed on above a limit that has fallen",
    file: "gateway/admission/waiting-line.ts",
    from: "while (this.#count > 0 && this.isOpen) {",
    to: "if (this.#count > 0) {",
  },
  {
    name: "a limit that has risen lets nobody in",
    file: "gateway/admission/waiting-line.ts",
    from: "    this.#options.limit?.sample(sample, nowMs);\n    this.#letIn(nowMs);\n",
    to: "    this.#options.limit?.sample(sample, nowMs);\n",
  },
  {
    name: "the limit falls below its least",
    file: "gateway/admission/gradient-limit.ts",
    from: "return Math.max(this.#options.activeMin, Math.floor(limit / 2));",
    to: "return Math.max(1, Math.floor(limit / 2));",
  },
  {
    name: "the limit rises above its most",
    file: "gateway/admission/aimd-limit.ts",
    from: "this.#limit = Math.min(activeMax, this.#limit + INCREASE);",
    to: "this.#limit = this.#limit + INCREASE + 0 * activeMax;",
  },
  {
    name: "a request that ended counts as open",
    file: EXCHANGE,
    from: "    this.#engine.openCount -= 1;\n",
    to: "",
  },
  {
    name: "a refused connection says nothing",
    file: HEALTH,
    from: "return this.#enter(node, ejected(nowMs), sign, true);",
    to: "return undefined;",
  },
  {
    name: "everybody may be out for what it answers",
    file: HEALTH,
    from: "this.#outlierCount >= this.#outlierMax || this.#healthyCount <= 1",
    to: "this.#healthyCount <= 1",
  },
  {
    name: "the last node in good health goes out for its answers",
    file: HEALTH,
    from: "this.#outlierCount >= this.#outlierMax || this.#healthyCount <= 1",
    to: "this.#outlierCount >= this.#outlierMax",
  },
  {
    name: "everybody may be out for its silence",
    file: HEALTH,
    from: "state.silences < SILENT_STREAK || this.#silentCount >= this.#silentMax",
    to: "state.silences < SILENT_STREAK",
  },
  {
    name: "an ejection for errors ends at once",
    file: HEALTH,
    from: 'if (state.is === "ejected" && nowMs < state.untilMs && !this.#outliers.isEndedByChecks) return undefined;\n',
    to: "",
  },
  {
    name: "an ejection does not grow",
    file: "gateway/health/outliers.ts",
    from: "Math.min(ejectionBaseMs * times, ejectionMaxMs)",
    to: "Math.min(ejectionBaseMs + 0 * times, ejectionMaxMs)",
  },
  {
    name: "a check from before brings a node back",
    file: HEALTH,
    from: "    else if (startedMs < state.sinceMs) return undefined;\n    if (state.is",
    to: "    if (state.is",
  },
  {
    name: "an open breaker lets everybody through",
    file: BREAKER,
    from: "return nowMs >= this.#state.untilMs;",
    to: "return true;",
  },
  {
    name: "a half-open breaker lets everybody through",
    file: BREAKER,
    from: 'if (this.#state.is === "half_open") this.#state.permits -= 1;',
    to: "",
  },
  {
    name: "a trial that was given up keeps its permit",
    file: BREAKER,
    from: 'if (this.#state.is === "half_open") this.#state.permits += 1;',
    to: "",
  },
  {
    name: "the sites' loads lose what rounding leaves",
    file: "gateway/balancer/priority-load.ts",
    from: "  loads[first] = loads[first]! + left;\n",
    to: "",
  },
  {
    name: "a slow start begins with the whole weight",
    file: "gateway/balancer/slow-start.ts",
    from: "if (sinceMs >= windowMs) return",
    to: "if (sinceMs >= 0 * windowMs) return",
  },
  {
    name: "a slow start is too fast at first",
    file: "gateway/balancer/slow-start.ts",
    from: "Math.max(minPercent / 100, grown)",
    to: "Math.max((2 * minPercent) / 100, grown)",
  },
  {
    name: "a second attempt may stay in its zone",
    file: POOL,
    from: "if (tried !== undefined) {\n      const isElsewhere",
    to: "if (tried !== undefined && tried.length > 16) {\n      const isElsewhere",
  },
  {
    name: "the own zone carries everything",
    file: POOL,
    from: "return drawn < percent ? OWN : FAR;",
    to: "return drawn <= 2 * percent ? OWN : FAR;",
  },
  {
    name: "what the own zone carries is never worked out anew",
    file: POOL,
    from: "    this.#ownPercents.fill(undefined);\n",
    to: "",
  },
  {
    name: "a zone without its nodes has its whole part",
    file: "gateway/balancer/zone-share.ts",
    from: "{ healthy: own * of, total: whole * part },",
    to: "{ healthy: own * of, total: own * part },",
  },
  {
    name: "each node is of every subset",
    file: POOL,
    from: "for (const subset of [WHOLE, ...subsets])",
    to: "for (const subset of [WHOLE, ...Array.from({ length: subsetCount }).keys()])",
  },
  {
    name: "a subset has no fallback",
    file: PLAN,
    from: "    for (let rank = 0; rank < subsets.length; rank++) {\n      for (",
    to: "    for (let rank = 0; rank < 1; rank++) {\n      for (",
  },
  {
    name: "the last fallback is asked first",
    file: PLAN,
    from: "const node = this.#pick(site, subsets[rank]!, mayTake, request);",
    to: "const node = this.#pick(site, subsets[subsets.length - 1 - rank]!, mayTake, request);",
  },
  {
    name: "a probe leaves its subset",
    file: "gateway/forward/fleet.ts",
    from: "        balancer.isWithin?.(each, subset) !== false &&\n",
    to: "",
  },
  {
    name: "an attempt counts only in one of its groups",
    file: "gateway/balancer/grouped-balancer.ts",
    from: "for (let index = 0; index < balancers.length; index++) {\n      if (by > 0)",
    to: "for (let index = by > 0 && balancers.length > 1 ? 1 : 0; index < balancers.length; index++) {\n      if (by > 0)",
  },
];

/** Exit status: 0 every one was found, and without any of them nothing is. */
export async function huntMutations(jobs: number, say: (line: string) => void): Promise<number> {
  const control = await playCopy(undefined, CONTROL_WORLDS);
  if (control.is !== "quiet") {
    say(`FAILED the copy without any mutation: ${control.text}`);
    say("0 passed, 1 failed");
    return 1;
  }
  const hunts = MUTATIONS.map((mutation) => ({ mutation, result: undefined as Result | undefined }));
  const left = [...hunts];
  const work = async (): Promise<void> => {
    for (let hunt = left.shift(); hunt !== undefined; hunt = left.shift())
      hunt.result = await playCopy(hunt.mutation, WORLDS);
  };
  await Promise.all(Array.from({ length: jobs }, work));
  for (const { mutation, result } of hunts) say(`${LABELS[result!.is]}  ${mutation.name}: ${result!.text}`);
  const missed = hunts.filter(({ result }) => result!.is !== "found").length;
  say(`${MUTATIONS.length - missed} passed, ${missed} failed`);
  return missed === 0 ? 0 : 1;
}

/**
 * `found`: a world names what is violated; `quiet`: all worlds hold; `error`: it was not played, because its text is not there, it
 * does not load, or it goes on for ever. Code that does not run is not code that was found out.
 */
interface Result {
  readonly is: "found" | "quiet" | "error";
  readonly text: string;
}

const LABELS = { found: "found ", quiet: "MISSED", error: "FAILED" } as const;

/** One thread for each: it ends with the first world that fails. */
async function playCopy(mutation: Mutation | undefined, worlds: number): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "anycastle-mutation-"));
  try {
    for (const each of COPIED) cpSync(join(ROOT, each), join(directory, each), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
    const problem = mutation === undefined ? undefined : mutate(directory, mutation);
    if (problem !== undefined) return { is: "error", text: problem };
    const main = join(directory, "test", "worlds", "main.ts");
    const words = ["--worlds", String(worlds), "--failures-max", "1", "--jobs", "1"];
    const { status, stdout, stderr } = await run(directory, [main, ...words]);
    if (status === 0) return { is: "quiet", text: `nothing in ${worlds} worlds` };
    const found = /^(?:world \d+: |FAILED ").*/m.exec(stdout)?.[0];
    if (status === 1 && found !== undefined) return { is: "found", text: found.slice(0, 160) };
    const why = status === null ? `not over after ${MS_MAX} ms` : firstError(stderr);
    return { is: "error", text: `cannot be played: ${why}` };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What is wrong with it, if anything. */
function mutate(directory: string, { file, from, to }: Mutation): string | undefined {
  const text = readFileSync(join(directory, file), "utf8");
  const count = text.split(from).length - 1;
  if (count !== 1) return `${file} has its text ${count} times, not once`;
  writeFileSync(
    join(directory, file),
    text.replace(from, () => to),
  );
  return undefined;
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(cwd: string, words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, words, { cwd, timeout: MS_MAX }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      resolve({ status: typeof code === "number" ? code : null, stdout, stderr });
    });
  });
}

function firstError(stderr: string): string {
  return /^\w*Error.*/m.exec(stderr)?.[0].slice(0, 200) ?? stderr.slice(0, 200);
}
