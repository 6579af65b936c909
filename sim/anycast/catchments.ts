/**
 * The Internet of a world as a gateway asks about it: which sites announce, and for each vantage the sites it would
 * reach, best first. Driven by whoever owns the time: announcements go in, changed vantages come out.
 *
 * A world with a settled start is *founded* first: until all its sites have announced, or one leaves, or `FOUNDING_US`
 * have passed, an announcement is everywhere at once (solved). From then on every change is played.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import type { SiteRoute } from "#core/wire/catchment.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import type { World, WorldSite, WorldVantage } from "#sim/topology/world.ts";
import { rankSites, type AnnouncedSource } from "./rank-sites.ts";
import { CatchmentSolver, type Catchment } from "./solve.ts";

const NONE = -1;

/** Sites that come later than this after the first are news to the Internet, not part of its beginning. */
const FOUNDING_US = 30_000_000;

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
  /** Several may look from one AS. */
  readonly #vantagesOfVertex = new Map<number, readonly WorldVantage[]>();
  /** Site each vantage reaches now. */
  readonly #reached = new Map<string, string | null>();
  #moves: VantageMove[] = [];
  #isFounded: boolean;
  /** While the world is being founded and somebody announces: until when, and where everybody goes so far. */
  #founding: { readonly endUs: number; readonly solved: Catchment } | undefined;

  constructor(world: World, prng: Prng) {
    this.world = world;
    for (const { site, vertex } of world.sites) this.#siteOfVertex.set(vertex, site);
    for (const vantage of world.vantages) {
      const others = this.#vantagesOfVertex.get(vantage.vertex) ?? [];
      this.#vantagesOfVertex.set(vantage.vertex, [...others, vantage]);
      this.#reached.set(vantage.vantage, null);
    }
    this.#isFounded = world.hasSettledStart !== true;
    this.#engine = new PropagationEngine(world.graph, world.engine, prng, {
      onBestChange: (vertex, atUs) => this.#chose(vertex, atUs),
    });
  }

  announce(site: string, isGraceful: boolean, nowUs: number): void {
    const { vertex, ...marks } = this.#siteNamed(site);
    if (isGraceful || nowUs > (this.#founding?.endUs ?? Infinity)) this.#endFounding();
    this.#announced.set(site, { isGraceful });
    if (this.#isFounded) this.#engine.announce(vertex, { ...marks, isGraceful }, nowUs);
    else this.#found(nowUs);
  }

  withdraw(site: string, nowUs: number): void {
    this.#endFounding();
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
    const rankings = rankSites(
      this.world.graph,
      this.#sources(),
      this.world.vantages.map(({ vertex }) => ({ vertex, first: this.#siteOf(vertex) })),
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

  #sources(): AnnouncedSource[] {
    return this.world.sites
      .filter(({ site }) => this.#announced.has(site))
      .map(({ site, ...source }) => ({ ...source, isGraceful: this.#announced.get(site)!.isGraceful }));
  }

  /** All that has been announced so far is where it will end. */
  #found(nowUs: number): void {
    const solved = new CatchmentSolver(this.world.graph).solve(this.#sources());
    this.#founding = { endUs: this.#founding?.endUs ?? nowUs + FOUNDING_US, solved };
    for (const vertex of this.#vantagesOfVertex.keys()) this.#chose(vertex, nowUs);
    if (this.#announced.size === this.world.sites.length) this.#endFounding();
  }

  /** From here on changes are played, from the state that was solved. */
  #endFounding(): void {
    this.#isFounded = true;
    if (this.#founding !== undefined) this.#engine.adopt(this.#sources(), this.#founding.solved);
    this.#founding = undefined;
  }

  /** Vertex of the site that this vertex's packets reach now. */
  #siteOf(vertex: number): number | undefined {
    if (this.#founding === undefined) return this.#engine.siteOf(vertex);
    const site = this.#founding.solved.site[vertex]!;
    return site === NONE ? undefined : site;
  }

  #chose(vertex: number, atUs: number): void {
    const siteVertex = this.#siteOf(vertex);
    const to = siteVertex === undefined ? null : this.#siteOfVertex.get(siteVertex)!;
    for (const { vantage } of this.#vantagesOfVertex.get(vertex) ?? []) {
      const from = this.#reached.get(vantage)!;
      if (from === to) continue;
      this.#reached.set(vantage, to);
      this.#moves.push({ vantage, from, to, atUs });
    }
  }

  #siteNamed(site: string): Omit<WorldSite, "site"> {
    const found = this.world.sites.find((candidate) => candidate.site === site);
    invariant(found !== undefined, `world ${this.world.name} has no site ${site}`);
    const { site: _name, ...where } = found;
    return where;
  }
}
