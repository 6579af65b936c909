/**
 * Where requests go as far as subsets and zones decide it: nobody is asked outside of a request's subset, nor its fallback while the
 * subset has somebody; first attempts stay in the gateway's zone while that carries its part, and beyond that so many as it
 * carries; further ones go where the request has not been yet. Worked out here from health and weights, not asked of who decides.
 *
 * Not judged where breakers may have sent a request on from a node before that was asked, nor once a body was gone on with: which
 * nodes count as tried is not seen from outside then.
 */
import type { GatewayConfig } from "#gateway/config.ts";
import { isHashing } from "#gateway/balancer/create-balancer.ts";
import { priorityLoads } from "#gateway/balancer/priority-load.ts";
import { WEIGHT_SCALE } from "#gateway/balancer/slow-start.ts";
import type { Fleet, FleetNode } from "#gateway/forward/fleet.ts";
import type { Mark } from "../marks.ts";
import type { Violate } from "./violate.ts";

const ALL = 100;
/** Standard deviations that chance may be off in a run of ten thousand worlds; and a few requests, where there are few. */
const DEVIATIONS = 6;
const FEW = 3;

export interface PlacedAttempt {
  readonly requestId: string;
  readonly node: FleetNode;
  /** Nodes it was at before. */
  readonly tried: readonly FleetNode[];
  /** Numbers of subsets, the first one first; undefined: all nodes. */
  readonly subsets: readonly number[] | undefined;
  readonly isResumed: boolean;
}

export class PlaceRule {
  readonly #config: GatewayConfig;
  readonly #fleet: Fleet;
  readonly #violate: Violate;
  readonly #mark: (mark: Mark) => void;
  readonly #isBlind: boolean;
  /** First attempts that chance may have sent elsewhere: how many were, and how many should have been. */
  readonly #drawn = { far: 0, expected: 0, variance: 0 };

  constructor(config: GatewayConfig, fleet: Fleet, violate: Violate, mark: (mark: Mark) => void) {
    this.#config = config;
    this.#fleet = fleet;
    this.#violate = violate;
    this.#mark = mark;
    this.#isBlind = config.breaker.options !== undefined;
  }

  asked(attempt: PlacedAttempt): void {
    const { node, requestId, subsets = [-1], tried } = attempt;
    const rank = subsets.findIndex((subset) => this.#isOf(node, subset));
    if (rank === -1) return this.#violate(`${requestId} is given to ${node.id}, which is not of its subset`);
    if (rank > 0) this.#mark("subset left");
    if (this.#isBlind || attempt.isResumed || !this.#fleet.isEligible(node.index)) return;
    const isFree = (each: FleetNode): boolean => this.#fleet.isEligible(each.index) && !tried.includes(each);
    const before = this.#fleet.nodes.find(
      (each) => isFree(each) && subsets.slice(0, rank).some((subset) => this.#isOf(each, subset)),
    );
    if (before !== undefined)
      this.#violate(`${requestId} is given to ${node.id}, a fallback, and ${before.id} was there`);
    const neighbours = this.#fleet.nodes.filter(
      (each) => each.siteIndex === node.siteIndex && isFree(each) && this.#isOf(each, subsets[rank]!),
    );
    const zones = tried.filter(({ siteIndex }) => siteIndex === node.siteIndex).map(({ zone }) => zone);
    if (zones.length > 0) this.#judgeFurther(attempt, zones, neighbours);
    else if (tried.length === 0) this.#judgeFirst(attempt, subsets[rank]!, neighbours);
  }

  /** Of all that chance has decided. */
  ended(): void {
    const { expected, far, variance } = this.#drawn;
    if (Math.abs(far - expected) > DEVIATIONS * Math.sqrt(variance) + FEW)
      this.#violate(`${far} first attempts left the gateway's zone: ${expected.toFixed(0)} were to`);
  }

  #judgeFurther(
    { node, requestId }: PlacedAttempt,
    zones: readonly (string | undefined)[],
    neighbours: readonly FleetNode[],
  ): void {
    if (!zones.includes(node.zone)) return this.#mark("rescued in another zone");
    const elsewhere = neighbours.find(({ zone }) => !zones.includes(zone));
    if (elsewhere !== undefined)
      this.#violate(
        `${requestId} goes to ${node.id} in a zone it has been in, and ${elsewhere.id} was there`,
      );
  }

  #judgeFirst({ node, requestId }: PlacedAttempt, subset: number, neighbours: readonly FleetNode[]): void {
    const own = this.#config.balancer.zone?.id;
    const site = this.#fleet.nodes.filter(({ siteIndex }) => siteIndex === node.siteIndex);
    if (own === undefined || !site.some(({ zone }) => zone === own)) return;
    const percent = this.#ownPercent(
      site.filter((each) => this.#isOf(each, subset)),
      own,
    );
    const isFar = node.zone !== own;
    if (isFar) this.#mark("zone left");
    const isOther = neighbours.some(({ zone }) => (zone === own) === isFar);
    if (percent === ALL && isFar && isOther)
      this.#violate(`${requestId} goes to ${node.id}, and the gateway's own zone can carry it`);
    const { algorithm } = this.#config.sites[node.siteIndex]!;
    // Where keys decide, few clients may weigh much.
    if (isHashing(algorithm) || this.#config.sticky !== undefined || !isOther) return;
    this.#drawn.far += isFar ? 1 : 0;
    this.#drawn.expected += (ALL - percent) / ALL;
    this.#drawn.variance += (percent * (ALL - percent)) / (ALL * ALL);
  }

  #ownPercent(nodes: readonly FleetNode[], own: string): number {
    const { factorPercent, nodesMin, trafficPercent } = this.#config.balancer.zone!;
    const near = nodes.filter(({ zone }) => zone === own);
    const far = nodes.filter(({ zone }) => zone !== own);
    const able = near.filter((node) => this.#now(node) > 0);
    const [nearNow, farNow] = [near, far].map((side) => sum(side, (node) => this.#now(node))) as [
      number,
      number,
    ];
    if (able.length < nodesMin) return Math.trunc((nearNow * ALL) / (nearNow + farNow));
    const zones = new Set(nodes.map(({ zone }) => zone)).size;
    const whole = sum(nodes, (node) => this.#whole(node));
    const part = trafficPercent === undefined ? whole / zones : (whole * trafficPercent) / ALL;
    const priorities = [
      { healthy: nearNow, total: part },
      { healthy: farNow, total: sum(far, (node) => this.#whole(node)) },
    ];
    return priorityLoads(priorities, factorPercent, 0)[0]!.load;
  }

  #isOf(node: FleetNode, subset: number): boolean {
    const labels = this.#config.subsets[subset]?.labels ?? {};
    return Object.entries(labels).every(([name, value]) => node.labels[name] === value);
  }

  #now(node: FleetNode): number {
    return this.#fleet.board.isEligible(node.index) ? this.#fleet.balancerOf(node).weight(node.index) : 0;
  }

  #whole(node: FleetNode): number {
    return this.#fleet.weightOf(node) * WEIGHT_SCALE;
  }
}

function sum(nodes: readonly FleetNode[], weightOf: (node: FleetNode) => number): number {
  return nodes.reduce((all, node) => all + weightOf(node), 0);
}
