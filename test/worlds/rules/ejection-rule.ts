/**
 * Who may be out, for how long, and what brings a node back: the caps for silence and for answers, the last one in good health,
 * the least time of an ejection (longer when it comes again soon), and checks that count only when begun after it. Known from the
 * events that people are told. A reason that is no death and no silence is taken for a matter of answers, so that a new one is held
 * to the strictest cap.
 */
import type { GatewayConfig } from "#gateway/config.ts";
import type { NodeHealth } from "#core/wire/events.ts";
import type { Violate } from "./violate.ts";

/** Percent of all nodes, but always one (`gateway/health/node-health.ts`). */
const SILENT_SHARE_MAX = 50;

type Why = "death" | "silence" | "answers";

interface Out {
  readonly why: Why;
  readonly atMs: number;
}

interface Known {
  health: NodeHealth;
  out: Out | undefined;
  /** Ejections for answers that came soon behind each other, and the last of them. */
  times: number;
  lastMs: number;
  /** When its last checks began, oldest first. */
  readonly checksMs: number[];
}

export interface HealthEvent {
  readonly node: string;
  readonly from: NodeHealth;
  readonly to: NodeHealth;
  readonly reason: string;
}

export class EjectionRule {
  readonly #config: GatewayConfig;
  readonly #violate: Violate;
  readonly #nodes = new Map<string, Known>();

  constructor(config: GatewayConfig, violate: Violate) {
    this.#config = config;
    this.#violate = violate;
    for (const { id } of config.sites.flatMap(({ nodes }) => nodes))
      this.#nodes.set(id, {
        health: "unproven",
        out: undefined,
        times: 0,
        lastMs: -Infinity,
        checksMs: [],
      });
  }

  checkBegan(node: string, nowMs: number): void {
    const { checksMs } = this.#nodes.get(node)!;
    checksMs.push(nowMs);
    if (checksMs.length > this.#config.health.healthyThreshold) checksMs.shift();
  }

  /** Why it is out now; undefined: it is not. */
  changed({ node, to, reason }: HealthEvent, nowMs: number): Why | undefined {
    const known = this.#nodes.get(node)!;
    const wasOut = known.out;
    known.health = to;
    known.out = isOut(to) ? { why: whyOf(reason), atMs: nowMs } : undefined;
    if (known.out !== undefined) this.#wentOut(node, known, known.out, nowMs);
    else if (wasOut !== undefined) this.#cameBack(node, known, wasOut, reason, nowMs);
    return known.out?.why;
  }

  #wentOut(node: string, known: Known, { why }: Out, nowMs: number): void {
    const { ejectionMaxMs, shareMaxPercent } = this.#config.outlier;
    if (why === "silence") return this.#demandShare(node, why, SILENT_SHARE_MAX);
    if (why !== "answers") return;
    this.#demandShare(node, why, shareMaxPercent);
    if (![...this.#nodes.values()].some(({ health }) => health === "healthy"))
      this.#violate(`${node}, the last node in good health, is out for its answers`);
    known.times = nowMs - known.lastMs < ejectionMaxMs ? known.times + 1 : 1;
    known.lastMs = nowMs;
  }

  #demandShare(node: string, why: Why, percent: number): void {
    const outCount = [...this.#nodes.values()].filter(({ out }) => out?.why === why).length;
    const outMax = Math.max(1, Math.floor((this.#nodes.size * percent) / 100));
    if (outCount > outMax)
      this.#violate(`with ${node} ${outCount} nodes are out for their ${why}: ${outMax} may be`);
  }

  #cameBack(node: string, known: Known, { why, atMs }: Out, reason: string, nowMs: number): void {
    const { ejectionBaseMs, ejectionMaxMs, isEndedByChecks } = this.#config.outlier;
    const isByChecks = reason.endsWith("checks passed");
    const outMs = nowMs - atMs;
    const leastMs = Math.min(ejectionBaseMs * known.times, ejectionMaxMs);
    if (why === "answers" && !(isByChecks && isEndedByChecks) && outMs < leastMs)
      this.#violate(`${node} is back after ${outMs} ms, out for its answers for at least ${leastMs}`);
    const begun = known.checksMs.filter((beganMs) => beganMs >= atMs).length;
    if (isByChecks && begun < this.#config.health.healthyThreshold)
      this.#violate(`${node} is back by ${reason}, and ${begun} of them began after it went out`);
  }
}

function whyOf(reason: string): Why {
  if (/^(refused|reset)$/.test(reason) || /checks failed, last: (?!timeout)/.test(reason)) return "death";
  return /^silent |checks failed, last: timeout$/.test(reason) ? "silence" : "answers";
}

function isOut(health: NodeHealth): boolean {
  return health === "ejected" || health === "unhealthy";
}
