/**
 * The gateway of a run: the real gateway's policies (balancer, health board, budgets, hedge delay, rescue plan, classes
 * of failure), joined to simulated nodes where the real one joins them to sockets. What it decides is the product's own
 * code; what it waits for is virtual. Everything here runs as the actor `gateway`.
 */
import { invariant } from "#core/assert.ts";
import type { CatchmentFeedLine, SiteRoute } from "#core/wire/catchment.ts";
import { LeastConnections } from "#gateway/balancer/least-connections.ts";
import { NodeHealthBoard, type HealthChange } from "#gateway/health/node-health.ts";
import { HEALTH_PROFILES } from "#gateway/health/profiles.ts";
import { HedgeDelay } from "#gateway/resilience/hedge-delay.ts";
import { RescuePlan } from "#gateway/resilience/rescue-plan.ts";
import { RetryBudget } from "#gateway/resilience/retry-budget.ts";
import { ecmpNode } from "#gateway/routing/modes.ts";
import { ACTOR } from "./actors.ts";
import type { EventLoop } from "./event-loop.ts";
import type { ScenarioJournal } from "./scenario-journal.ts";
import type { ClientConnection } from "./sim-client.ts";
import type { SimNode } from "./sim-node.ts";

/** The demo's settings, as `anycastle gateway` completes them with profile `demo`. */
export const GATEWAY = {
  profile: HEALTH_PROFILES.demo,
  attemptsMax: 4,
  budget: { percent: 20, perSecond: 10 },
  hedge: { initialMs: 150, floorMs: 50, capMs: 150 },
  perTryUs: 5_000_000,
  totalUs: 10_000_000,
  nodeConnectionsMax: 256,
} as const;

const US_PER_MS = 1000;
const WINDOW_US = 1_000_000;

export interface GatewayCounts {
  requests: number;
  failed: number;
  rescued: number;
  retries: number;
  hedges: number;
  resets: number;
}

export interface GatewaySite {
  readonly id: string;
  readonly nodes: readonly SimNode[];
}

export class SimGateway {
  readonly loop: EventLoop;
  readonly journal: ScenarioJournal;
  readonly isBare: boolean;
  readonly nodes: readonly SimNode[];
  readonly board: NodeHealthBoard;
  readonly balancers: readonly LeastConnections[];
  readonly plan: RescuePlan;
  readonly retryBudget = new RetryBudget(GATEWAY.budget, 0);
  readonly hedgeBudget = new RetryBudget(GATEWAY.budget, 0);
  readonly hedgeDelay = new HedgeDelay(GATEWAY.hedge, 0);
  readonly counts: GatewayCounts = { requests: 0, failed: 0, rescued: 0, retries: 0, hedges: 0, resets: 0 };
  readonly #siteIds: readonly string[];
  readonly #siteOfNode: number[] = [];
  readonly #indexOfNode = new Map<string, number>();
  readonly #routes = new Map<string, readonly SiteRoute[]>();
  /** Vantages whose own AS has no route at this moment. */
  readonly #unreachable = new Set<string>();
  readonly #announced = new Map<string, readonly string[]>();
  readonly #connections = new Set<ClientConnection>();
  /** Connections to each node that wait for their next request. */
  readonly #idle: number[];
  #window: GatewayCounts = { ...this.counts };
  #firstEjectedUs: number | undefined;

  constructor(loop: EventLoop, journal: ScenarioJournal, sites: readonly GatewaySite[], isBare: boolean) {
    this.loop = loop;
    this.journal = journal;
    this.isBare = isBare;
    this.#siteIds = sites.map(({ id }) => id);
    this.nodes = sites.flatMap((site) => site.nodes);
    for (const [index, node] of this.nodes.entries()) this.#indexOfNode.set(node.id, index);
    for (const [siteIndex, site] of sites.entries())
      for (const _ of site.nodes) this.#siteOfNode.push(siteIndex);
    this.#idle = this.nodes.map(() => 0);
    this.board = new NodeHealthBoard(this.nodes.length, GATEWAY.profile);
    this.balancers = sites.map(
      (site) =>
        new LeastConnections(
          site.nodes.map(({ id }) => ({ node: this.#indexOfNode.get(id)!, id, weight: 1 })),
        ),
    );
    this.plan = new RescuePlan({
      balancers: this.balancers,
      isEligible: (node) => this.board.isEligible(node) && this.#hasRoom(node),
      isReluctant: (node) => this.board.isReluctant(node) && this.#hasRoom(node),
      hasRoom: (node) => this.#hasRoom(node),
    });
  }

  /** Begins to check the nodes, and to count in windows. */
  start(): void {
    if (!this.isBare) {
      const spreadUs = Math.floor((GATEWAY.profile.intervalMs * US_PER_MS) / this.nodes.length);
      for (const [node] of this.nodes.entries()) {
        this.loop.after(ACTOR.gateway, node * spreadUs, () => this.#checkForEver(node));
      }
    }
    this.loop.after(ACTOR.gateway, WINDOW_US, () => this.#tellWindow());
  }

  /** When a node was first ejected or found unhealthy at or after a time, µs. */
  get firstEjectedUs(): number | undefined {
    return this.#firstEjectedUs;
  }

  forgetEjections(): void {
    this.#firstEjectedUs = undefined;
  }

  // The feed.

  hear(lines: readonly CatchmentFeedLine[]): void {
    const touched = new Set<string>();
    for (const line of lines) {
      if (line.type === "routes") {
        this.#routes.set(line.vantage, line.sites);
        if (line.isUnreachable) this.#unreachable.add(line.vantage);
        else this.#unreachable.delete(line.vantage);
        touched.add(line.vantage);
      } else if (line.type === "announced") {
        this.#announced.set(line.site, line.nodes);
        for (const vantage of this.#routes.keys()) touched.add(vantage);
      }
    }
    if (this.isBare) this.#resetMoved(touched);
  }

  /** Sites of a vantage, best first, as indexes. Rescue reaches nodes without the network's route; nothing else does. */
  sites(vantage: string): number[] {
    if (this.isBare && this.#unreachable.has(vantage)) return [];
    return (this.#routes.get(vantage) ?? []).map(({ site }) => this.#siteIds.indexOf(site));
  }

  rttUs(vantage: string, site: number): number {
    const id = this.#siteIds[site]!;
    const route = this.#routes.get(vantage)?.find((candidate) => candidate.site === id);
    return route?.rttUs ?? 0;
  }

  siteId(site: number): string {
    return this.#siteIds[site]!;
  }

  siteOfNode(node: number): number {
    return this.#siteOfNode[node]!;
  }

  /** Mode `anycast-only`: where the site's router sends a connection; undefined when no path stands. */
  hashedNode(connection: ClientConnection, site: number): number | undefined {
    const announced = this.#announced.get(this.#siteIds[site]!) ?? [];
    const id = ecmpNode(connection.hash, announced);
    return id === undefined ? undefined : this.#indexOfNode.get(id);
  }

  // Connections.

  opened(connection: ClientConnection): void {
    this.#connections.add(connection);
  }

  closed(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  reset(connection: ClientConnection): void {
    if (connection.isReset) return;
    connection.isReset = true;
    this.#connections.delete(connection);
  }

  /** Takes a connection to a node; true when it had served before. */
  takeConnection(node: number): boolean {
    this.balancers[this.siteOfNode(node)]!.take(node);
    if (this.#idle[node] === 0) return false;
    this.#idle[node] = this.#idle[node]! - 1;
    return true;
  }

  giveConnection(node: number, isReusable: boolean): void {
    this.balancers[this.siteOfNode(node)]!.giveBack(node);
    if (isReusable) this.#idle[node] = this.#idle[node]! + 1;
  }

  /** A node's health has changed, or not. */
  apply(change: HealthChange | undefined): void {
    if (change === undefined) return;
    const { node, from, to, reason } = change;
    const site = this.siteId(this.siteOfNode(node));
    this.journal.emit("gateway", {
      kind: "gateway.node",
      node: this.nodes[node]!.id,
      site,
      from,
      to,
      reason,
    });
    if (to === "ejected" || to === "unhealthy") {
      this.#firstEjectedUs ??= this.loop.nowUs;
      this.#idle[node] = 0; // Its connections are closed: the next attempt makes a fresh one.
    }
    if (change.checkNow) this.#check(node);
  }

  #hasRoom(node: number): boolean {
    return this.balancers[this.siteOfNode(node)]!.active(node) < GATEWAY.nodeConnectionsMax;
  }

  /** A connection whose packets now reach another node is unknown there, and is reset. */
  #resetMoved(vantages: ReadonlySet<string>): void {
    for (const connection of this.#connections) {
      if (connection.pin === undefined || !vantages.has(connection.vantage)) continue;
      const site = this.sites(connection.vantage)[0];
      if (site !== undefined && this.hashedNode(connection, site) === connection.pin) continue;
      this.counts.resets += 1;
      this.reset(connection);
      connection.open?.cutOff();
    }
  }

  // Checks.

  #checkForEver(node: number): void {
    this.#check(node);
    this.loop.after(ACTOR.gateway, GATEWAY.profile.intervalMs * US_PER_MS, () => this.#checkForEver(node));
  }

  #check(node: number): void {
    const startedMs = this.loop.nowMs;
    let isOver = false;
    const timeout = this.loop.after(ACTOR.gateway, GATEWAY.profile.timeoutMs * US_PER_MS, () => {
      isOver = true;
      this.apply(this.board.check(node, "timeout", startedMs, this.loop.nowMs));
    });
    this.nodes[node]!.probe((answer) => {
      if (isOver) return;
      timeout.cancel();
      this.apply(this.board.check(node, answer, startedMs, this.loop.nowMs));
    });
  }

  #tellWindow(): void {
    const { counts } = this;
    const before = this.#window;
    this.#window = { ...counts };
    this.journal.emit("gateway", {
      kind: "gateway.window",
      fromNs: (this.loop.nowUs - WINDOW_US) * 1000,
      requests: counts.requests - before.requests,
      failed: counts.failed - before.failed,
      rescued: counts.rescued - before.rescued,
      hedged: counts.hedges - before.hedges,
      resets: counts.resets - before.resets,
    });
    invariant(counts.failed <= counts.requests, "more requests failed than came");
    this.loop.after(ACTOR.gateway, WINDOW_US, () => this.#tellWindow());
  }
}
