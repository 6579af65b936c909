/**
 * The Internet of a world as a gateway asks about it: which sites announce, and for each vantage the sites it would
 * reach, best first. Driven by whoever owns the time: announcements go in, changed vantages come out.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import type { SiteRoute } from "#core/wire/catchment.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import type { World, WorldVantage } from "#sim/topology/world.ts";
import { rankSites } from "./rank-sites.ts";

export interface VantageMove {
  readonly vantage: string;
  readonly from: string | null;
  readonly to: string | null;
  /** When its AS chose, µs on the caller's axis. */
  readonly atUs: number;
}

export class Catchments {
  readonly world: World;
  readonly #engine: PropagationEngine;
  readonly #announced = new Map<string, { readonly isGraceful: boolean }>();
  readonly #siteOfVertex = new Map<number, string>();
  readonly #vantageOfVertex = new Map<number, WorldVantage>();
  /** Site each vantage reaches now. */
  readonly #reached = new Map<string, string | null>();
  #moves: VantageMove[] = [];

  constructor(world: World, prng: Prng) {
    this.world = world;
    for (const { site, vertex } of world.sites) this.#siteOfVertex.set(vertex, site);
    for (const vantage of world.vantages) {
      this.#vantageOfVertex.set(vantage.vertex, vantage);
      this.#reached.set(vantage.vantage, null);
    }
    this.#engine = new PropagationEngine(world.graph, world.engine, prng, {
      onBestChange: (vertex, atUs) => this.#chose(vertex, atUs),
    });
  }

  announce(site: string, isGraceful: boolean, nowUs: number): void {
    const { vertex, prepends } = this.#siteNamed(site);
    this.#announced.set(site, { isGraceful });
    this.#engine.announce(vertex, { prepends, isGraceful }, nowUs);
  }

  withdraw(site: string, nowUs: number): void {
    this.#announced.delete(site);
    this.#engine.withdraw(this.#siteNamed(site).vertex, nowUs);
  }

  nextDueUs(): number {
    return this.#engine.nextDueUs();
  }

  /** When the last message arrived that has arrived so far, µs. */
  get lastMessageUs(): number {
    return this.#engine.lastArrivalUs;
  }

  /** Moves of vantages since the last call, in order. */
  advance(nowUs: number): VantageMove[] {
    this.#engine.advance(nowUs);
    const moves = this.#moves;
    this.#moves = [];
    return moves;
  }

  reached(vantage: string): string | null {
    return this.#reached.get(vantage) ?? null;
  }

  /**
   * For every vantage: the site it reaches, then those it would reach without the ones before. One that reaches none at
   * this moment (`reached` says null) has a ranking all the same, while anybody announces.
   */
  routes(): Map<string, SiteRoute[]> {
    const sources = this.world.sites
      .filter(({ site }) => this.#announced.has(site))
      .map(({ site, vertex, prepends }) => ({
        vertex,
        prepends,
        isGraceful: this.#announced.get(site)!.isGraceful,
      }));
    const rankings = rankSites(
      this.world.graph,
      sources,
      this.world.vantages.map(({ vertex }) => ({ vertex, first: this.#engine.siteOf(vertex) })),
    );
    const routes = new Map<string, SiteRoute[]>();
    for (const [index, { vantage }] of this.world.vantages.entries()) {
      const sites = rankings[index]!.map((vertex) => this.#siteOfVertex.get(vertex)!);
      routes.set(
        vantage,
        sites.map((site) => ({ site, rttUs: this.world.rttUs(vantage, site) })),
      );
    }
    return routes;
  }

  #chose(vertex: number, atUs: number): void {
    const known = this.#vantageOfVertex.get(vertex);
    if (known === undefined) return;
    const siteVertex = this.#engine.siteOf(vertex);
    const to = siteVertex === undefined ? null : this.#siteOfVertex.get(siteVertex)!;
    const from = this.#reached.get(known.vantage)!;
    if (from === to) return;
    this.#reached.set(known.vantage, to);
    this.#moves.push({ vantage: known.vantage, from, to, atUs });
  }

  #siteNamed(site: string): { vertex: number; prepends: number } {
    const found = this.world.sites.find((candidate) => candidate.site === site);
    invariant(found !== undefined, `world ${this.world.name} has no site ${site}`);
    return found;
  }
}
