/**
 * Active checks of all nodes, each on its own rhythm: every `intervalMs` less a random part, so that checks of many
 * nodes and of many gateways do not fall together and the profile's promise still holds. A node that takes no traffic
 * has an interval of its own. A node that was just ejected is asked at once.
 */
import type { Timer } from "#core/host/clock.ts";
import type { Prng } from "#core/prng.ts";
import type { GatewayConfig } from "../config.ts";
import type { Fleet, FleetNode } from "../forward/fleet.ts";
import type { GatewayClock } from "../gateway-clock.ts";
import type { NodeTls } from "../tls/tls-material.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { CheckResult, NodeCheck, OpenNodeCheck } from "./check.ts";

export interface CheckerOptions {
  readonly fleet: Fleet;
  readonly config: GatewayConfig["health"];
  readonly telemetry: Telemetry;
  readonly clock: GatewayClock;
  readonly prng: Prng;
  readonly tls: NodeTls | undefined;
  readonly openCheck: OpenNodeCheck;
}

export class Checker {
  readonly #rhythms: readonly Rhythm[];

  constructor(options: CheckerOptions) {
    this.#rhythms = options.fleet.nodes.map((node) => new Rhythm(options, node));
  }

  start(): void {
    for (const rhythm of this.#rhythms) rhythm.begin();
  }

  stop(): void {
    for (const rhythm of this.#rhythms) rhythm.stop();
  }

  checkNow(node: number): void {
    this.#rhythms[node]!.checkNow();
  }

  /** Null before the first check has ended. */
  lastCheck(node: number): string | null {
    return this.#rhythms[node]!.lastText;
  }
}

class Rhythm {
  readonly #options: CheckerOptions;
  readonly #node: FleetNode;
  readonly #check: NodeCheck;
  #timer: Timer | undefined;
  #isRunning = false;
  #isStopped = false;
  #isAskedAgain = false;
  lastText: string | null = null;

  constructor(options: CheckerOptions, node: FleetNode) {
    this.#options = options;
    this.#node = node;
    this.#check = options.openCheck(node.url, options.clock, options.config, options.tls);
  }

  begin(): void {
    const { clock } = this.#options;
    this.#isRunning = true;
    this.#check.run((result) => this.#end(result, clock.nowMs()));
  }

  /** A check that is already under way began too early to count: another one follows it. */
  checkNow(): void {
    if (this.#isStopped) return;
    if (this.#isRunning) {
      this.#isAskedAgain = true;
      return;
    }
    this.#timer?.cancel();
    this.begin();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#check.close();
  }

  #end(result: CheckResult, nowMs: number): void {
    if (this.#isStopped) return;
    const { fleet, telemetry } = this.#options;
    this.#isRunning = false;
    this.lastText = result.text;
    telemetry.checked(this.#node.slot, result.sign);
    fleet.checked(this.#node, result.sign, result.startedMs, nowMs);
    if (this.#isAskedAgain) {
      this.#isAskedAgain = false;
      this.begin();
      return;
    }
    this.#schedule(result.startedMs, nowMs);
  }

  /** From the start of the last check, not from its end: the interval is the profile's promise. */
  #schedule(startedMs: number, nowMs: number): void {
    const { clock, config, fleet, prng } = this.#options;
    const isServing = fleet.board.health(this.#node.index) === "healthy";
    const intervalMs = isServing ? config.intervalMs : config.unhealthyIntervalMs;
    const shortenedMs = intervalMs - prng.integer(0, Math.floor((intervalMs * config.jitterPercent) / 100));
    this.#timer = clock.after(Math.max(0, Math.floor(startedMs + shortenedMs - nowMs)), () => this.begin());
  }
}
