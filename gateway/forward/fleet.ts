/**
 * The nodes a gateway knows: one table that turns ids into small integers, and holds for each node its connections
 * and its site's balancer. Health changes go through here, so that whoever must act on one does so exactly once:
 * event, connections, balancer, extra check.
 *
 * A new configuration makes a new fleet. What both know stays: connections, health, a slow start. Requests that are open on
 * the old one end there, and what they find out about a node is handed on to the new one.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import { NONE, WHOLE, type Balancer } from "../balancer/balancer.ts";
import { createBalancer, isHashing, type Algorithm } from "../balancer/create-balancer.ts";
import type { PriorityHealth } from "../balancer/priority-load.ts";
import { SitePool, type PoolMember } from "../balancer/site-pool.ts";
import { scaledWeight, WEIGHT_SCALE } from "../balancer/slow-start.ts";
import type { GatewayConfig } from "../config.ts";
import {
  NodeHealthBoard,
  type AttemptSign,
  type CheckSign,
  type HealthChange,
} from "../health/node-health.ts";
import type { RescuePools } from "../resilience/rescue-plan.ts";
import { subsetsWith } from "../routing/subset-choice.ts";
import type { NodeTls } from "../tls/tls-material.ts";
import type { NodeSlots } from "../telemetry/node-slots.ts";
import type { OpenNodeClient } from "./node-client.ts";
import { NodePool } from "./node-pool.ts";

export interface FleetNode {
  readonly index: number;
  /** The same in every configuration: its number in telemetry. */
  readonly slot: number;
  readonly id: string;
  readonly site: string;
  readonly siteIndex: number;
  readonly url: string;
  readonly zone: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly pool: NodePool;
}

export interface FleetOptions {
  readonly config: GatewayConfig;
  readonly prng: Prng;
  readonly slots: NodeSlots;
  /** For nodes that speak TLS. */
  readonly tls: NodeTls | undefined;
  readonly openClient: OpenNodeClient;
  readonly onChange: (node: FleetNode, change: HealthChange) => void;
  /** A node went out or came back, or has another weight: what sites can carry is another. */
  readonly onCapacity?: () => void;
  /** Of the configuration before. */
  readonly predecessor?: Fleet | undefined;
}

export interface FleetSite {
  readonly id: string;
  readonly nodes: readonly string[];
}

export class Fleet implements RescuePools {
  readonly nodes: readonly FleetNode[];
  readonly sites: readonly FleetSite[];
  readonly balancers: readonly Balancer[];
  readonly board: NodeHealthBoard;
  /** Those of the balancers where subsets or zones count. */
  readonly #pools: readonly SitePool[];
  readonly #nodeById = new Map<string, FleetNode>();
  readonly #siteById = new Map<string, number>();
  readonly #slowStart: GatewayConfig["balancer"]["slowStart"];
  /** As the operator wants them; those of the balancers are scaled, and smaller while a node starts slowly. */
  readonly #weights: number[] = [];
  /** Nodes that start slowly, and since when. */
  readonly #starting = new Map<number, number>();
  readonly #onChange: FleetOptions["onChange"];
  readonly #onCapacity: FleetOptions["onCapacity"];
  #successor: Fleet | undefined;

  constructor({ config, prng, slots, tls, openClient, onChange, onCapacity, predecessor }: FleetOptions) {
    const { slowStart } = config.balancer;
    const poolByUrl = new Map(predecessor?.nodes.map(({ url, pool }) => [url, pool]));
    const nodes: FleetNode[] = [];
    const balancers: Balancer[] = [];
    for (const [siteIndex, site] of config.sites.entries()) {
      this.#siteById.set(site.id, siteIndex);
      const members: PoolMember[] = [];
      for (const { id, labels, url, weight, zone } of site.nodes) {
        const options = {
          connectionsMax: config.limits.nodeConnectionsMax,
          idleTimeoutMs: config.limits.idleTimeoutMs,
          headerBytesMax: config.limits.headerBytesMax,
          tls: url.startsWith("https:") ? tls : undefined,
        };
        const kept = poolByUrl.get(url);
        const pool = kept?.isFor(url, options) === true ? kept : new NodePool(url, options, openClient);
        const node: FleetNode = {
          index: nodes.length,
          slot: slots.of(id),
          id,
          site: site.id,
          siteIndex,
          url,
          zone,
          labels,
          pool,
        };
        this.#nodeById.set(id, node);
        nodes.push(node);
        this.#weights.push(weight);
        members.push({
          node: node.index,
          id,
          weight: scaledWeight(weight, Infinity, slowStart),
          zone,
          subsets: subsetsWith(labels, config.subsets),
        });
      }
      balancers.push(
        this.#balancerFor(members, site.algorithm, config, prng.fork(`gateway/balancer/${site.id}`)),
      );
    }
    this.nodes = nodes;
    this.#pools = balancers.filter((balancer) => balancer instanceof SitePool);
    this.sites = config.sites.map((site) => ({ id: site.id, nodes: site.nodes.map(({ id }) => id) }));
    this.balancers = balancers;
    this.board = new NodeHealthBoard(
      nodes.length,
      config.health,
      config.outlier,
      (node) => nodes[node]!.siteIndex,
    );
    this.#slowStart = slowStart;
    this.#onChange = onChange;
    this.#onCapacity = onCapacity;
    if (predecessor !== undefined) this.#takeOver(predecessor);
  }

  /** Plain where all nodes are alike to every request. */
  #balancerFor(
    members: readonly PoolMember[],
    algorithm: Algorithm,
    config: GatewayConfig,
    prng: Prng,
  ): Balancer {
    const options = { ...config.balancer, algorithm };
    if (config.subsets.length === 0 && members.every(({ zone }) => zone === undefined))
      return createBalancer(members, options, prng);
    return new SitePool(members, {
      subsetCount: config.subsets.length,
      own: config.balancer.zone,
      hasMarks: config.sticky?.by === "key",
      hasKeys: isHashing(algorithm),
      isHealthy: (node) => this.board.isEligible(node),
      wholeWeight: (node) => this.#weights[node]! * WEIGHT_SCALE,
      makeBalancer: (group) => createBalancer(group, options, prng),
      prng: prng.fork("zones"),
    });
  }

  /** Nodes that kept their id and their url. */
  #takeOver(predecessor: Fleet): void {
    const from = this.nodes.map(({ id, url }) => {
      const old = predecessor.nodeById(id);
      return old?.url === url ? old.index : undefined;
    });
    this.board.adopt(predecessor.board, from);
    for (const [index, number] of from.entries()) {
      const sinceMs = number === undefined ? undefined : predecessor.#starting.get(number);
      if (sinceMs !== undefined) this.#starting.set(index, sinceMs);
      if (!this.board.isEligible(index))
        this.balancers[this.nodes[index]!.siteIndex]!.stateChanged?.(index, false);
    }
    predecessor.#successor = this;
  }

  node(index: number): FleetNode {
    const node = this.nodes[index];
    invariant(node !== undefined, `there is no node ${index}`);
    return node;
  }

  nodeById(id: string): FleetNode | undefined {
    return this.#nodeById.get(id);
  }

  /** Undefined for a site that is not in the configuration. */
  siteIndex(id: string): number | undefined {
    return this.#siteById.get(id);
  }

  balancerOf(node: FleetNode): Balancer {
    return this.balancers[node.siteIndex]!;
  }

  weightOf(node: FleetNode): number {
    return this.#weights[node.index]!;
  }

  setWeight(node: FleetNode, weight: number, nowMs: number): void {
    this.#weights[node.index] = weight;
    this.#balance(node, nowMs);
    this.#onCapacity?.();
  }

  /** Takes nodes that start slowly a step further; to be called now and then. */
  ramp(nowMs: number): void {
    for (const index of this.#starting.keys()) this.#balance(this.node(index), nowMs);
  }

  /** Nodes of weight 0 are there for nobody: neither lost nor to be counted on. */
  healthOf(site: number, subset = WHOLE): PriorityHealth {
    const members = this.nodes.filter(
      ({ index, siteIndex }) =>
        siteIndex === site && this.#weights[index]! > 0 && this.isWithin(index, subset),
    );
    return {
      healthy: members.filter(({ index }) => this.board.isEligible(index)).length,
      total: members.length,
    };
  }

  /** Whether the node is of this subset. */
  isWithin(node: number, subset: number): boolean {
    return this.balancerOf(this.node(node)).isWithin?.(node, subset) ?? true;
  }

  isEligible(node: number): boolean {
    return this.board.isEligible(node) && this.hasRoom(node);
  }

  isReluctant(node: number): boolean {
    return this.board.isReluctant(node) && this.hasRoom(node);
  }

  hasRoom(node: number): boolean {
    return !this.nodes[node]!.pool.isFull;
  }

  takeProbe(site: number, subset: number, nowMs: number): number {
    if (!this.board.isAnyOut) return NONE;
    const balancer = this.balancers[site]!;
    const node = balancer.members.find(
      (each) =>
        this.board.isProbeDue(each, nowMs) &&
        balancer.weight(each) > 0 &&
        balancer.isWithin?.(each, subset) !== false &&
        this.hasRoom(each),
    );
    if (node === undefined) return NONE;
    this.board.probed(node, nowMs);
    return node;
  }

  /** An attempt begins. */
  asked(node: FleetNode, nowMs: number): void {
    const balancer = this.balancerOf(node);
    this.board.asked(node.index, balancer.active(node.index), nowMs);
    balancer.take(node.index);
  }

  /** What shows only over a while; to be called now and then. */
  sweep(nowMs: number): void {
    const inFlight = (node: number): number => this.balancerOf(this.nodes[node]!).active(node);
    for (const change of this.board.sweep(inFlight, nowMs)) this.apply(change, nowMs);
  }

  /** How an attempt ended, as far as it says something about its node. */
  attempted(node: FleetNode, sign: AttemptSign, startedMs: number, nowMs: number): void {
    this.apply(this.board.attempt(node.index, sign, startedMs, nowMs), nowMs);
    const heir = this.#successor?.nodeById(node.id);
    if (heir?.url === node.url) this.#successor!.attempted(heir, sign, startedMs, nowMs);
  }

  checked(node: FleetNode, sign: CheckSign, startedMs: number, nowMs: number): void {
    this.apply(this.board.check(node.index, sign, startedMs, nowMs), nowMs);
  }

  /** Connections that the next configuration has no use for, once nothing is open on them any more. */
  closeUnused(): void {
    const kept = new Set(this.#successor?.nodes.map(({ pool }) => pool));
    for (const { pool } of this.nodes) if (!kept.has(pool)) pool.close();
  }

  /** Acts on what the board has decided. */
  apply(change: HealthChange | undefined, nowMs: number): void {
    if (change === undefined) return;
    const node = this.node(change.node);
    // Sockets that a dead or frozen node held will never serve again; a new process gets new ones.
    if (change.to === "ejected" || change.to === "unhealthy") node.pool.dropIdle();
    // Not at the start of the gateway: nobody else has its traffic.
    if (change.to === "healthy" && change.from !== "unproven") this.#starting.set(node.index, nowMs);
    else this.#starting.delete(node.index);
    this.#balance(node, nowMs);
    this.balancerOf(node).stateChanged?.(node.index, this.board.isEligible(node.index));
    // All: the first node that is proven makes those that are not wait for their checks, at every site.
    for (const pool of this.#pools) pool.forgetShares();
    this.#onCapacity?.();
    if (this.#successor === undefined) this.#onChange(node, change);
  }

  #balance(node: FleetNode, nowMs: number): void {
    const sinceMs = nowMs - (this.#starting.get(node.index) ?? -Infinity);
    if (sinceMs >= this.#slowStart.windowMs) this.#starting.delete(node.index);
    const weight = scaledWeight(this.weightOf(node), sinceMs, this.#slowStart);
    const balancer = this.balancerOf(node);
    balancer.setWeight(node.index, weight);
    if (balancer instanceof SitePool) balancer.forgetShares();
  }

  close(): void {
    for (const node of this.nodes) node.pool.close();
  }
}
