/**
 * Weights sum: those of a site's balancer are the operator's, except where a node starts slowly, which begins with its least
 * share, only ever grows, and is whole in time. The loads of the sites sum to 100, or 0 where nobody is left, and a site without
 * anybody gets none.
 */
import type { GatewayConfig } from "#gateway/config.ts";
import { priorityLoads } from "#gateway/balancer/priority-load.ts";
import { WEIGHT_SCALE } from "#gateway/balancer/slow-start.ts";
import type { Fleet, FleetNode } from "#gateway/forward/fleet.ts";
import type { HealthEvent } from "./ejection-rule.ts";
import type { Violate } from "./violate.ts";

interface Start {
  readonly sinceMs: number;
  weight: number;
}

export class WeightRule {
  readonly #balancer: GatewayConfig["balancer"];
  readonly #fleet: Fleet;
  readonly #tickMs: number;
  readonly #violate: Violate;
  readonly #starts = new Map<string, Start>();

  /** `tickMs`: so often the fleet is asked to go on with slow starts. */
  constructor(balancer: GatewayConfig["balancer"], fleet: Fleet, tickMs: number, violate: Violate) {
    this.#balancer = balancer;
    this.#fleet = fleet;
    this.#tickMs = tickMs;
    this.#violate = violate;
  }

  changed({ node: id, from, to }: HealthEvent, nowMs: number): void {
    const { windowMs, minPercent } = this.#balancer.slowStart;
    this.#starts.delete(id);
    if (to === "healthy" && from !== "unproven" && windowMs > 0) {
      const node = this.#fleet.nodeById(id)!;
      const least = Math.max(1, Math.round((this.#whole(node) * minPercent) / 100));
      if (this.#now(node) !== least)
        this.#violate(`${id} starts slowly with the weight ${this.#now(node)}, not ${least}`);
      this.#starts.set(id, { sinceMs: nowMs, weight: least });
    }
    this.#demandLoads();
  }

  look(nowMs: number): void {
    for (const [site, { id, nodes }] of this.#fleet.sites.entries()) {
      let sum = 0;
      for (const name of nodes) sum += this.#expect(this.#fleet.nodeById(name)!, nowMs);
      const { members } = this.#fleet.balancers[site]!;
      const found = members.reduce((all, node) => all + this.#fleet.balancers[site]!.weight(node), 0);
      if (found !== sum) this.#violate(`the weights of ${id} sum to ${found}, not ${sum}`);
    }
  }

  /** What it should weigh; of a slow start, what it may. */
  #expect(node: FleetNode, nowMs: number): number {
    const start = this.#starts.get(node.id);
    const whole = this.#whole(node);
    if (start === undefined) return whole;
    const now = this.#now(node);
    if (now < start.weight || now > whole)
      this.#violate(
        `${node.id} starts slowly, and its weight goes from ${start.weight} to ${now} of ${whole}`,
      );
    start.weight = now;
    if (nowMs - start.sinceMs < this.#balancer.slowStart.windowMs + this.#tickMs) return now;
    this.#starts.delete(node.id);
    return whole;
  }

  #demandLoads(): void {
    const { overprovisioningPercent, panicPercent } = this.#balancer;
    const healths = this.#fleet.sites.map((_, site) => this.#fleet.healthOf(site));
    const loads = priorityLoads(healths, overprovisioningPercent, panicPercent).map(({ load }) => load);
    if (overprovisioningPercent === 0) return;
    const expected = healths.some(({ healthy }) => healthy > 0) ? 100 : 0;
    const sum = loads.reduce((all, load) => all + load, 0);
    if (sum !== expected || loads.some((load) => load < 0))
      this.#violate(`the sites' loads, ${loads.join(" + ")}, do not sum to ${expected}`);
    if (healths.some(({ healthy }, site) => healthy === 0 && loads[site]! > 0))
      this.#violate(`a site with nobody in good health has a load: ${loads.join(" + ")}`);
  }

  #whole(node: FleetNode): number {
    return this.#fleet.weightOf(node) * WEIGHT_SCALE;
  }

  #now(node: FleetNode): number {
    return this.#fleet.balancerOf(node).weight(node.index);
  }
}
