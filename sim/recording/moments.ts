/**
 * A recording as people look at it: the moments worth a line, the state at any moment, and the curve over all of it.
 * Which sites are up comes from the acts of the header; everything else from the routes themselves.
 */
import type { ReplayFrame, ReplayMoment } from "#core/wire/replay.ts";
import { countFates, type Fates } from "#sim/propagation/fates.ts";
import { ServiceSites } from "#sim/propagation/service-sites.ts";
import { countUntil, type Replay } from "./replay.ts";

const NONE = -1;
const CURVE_POINTS = 160;
const CURVE_FIRST_US = 10_000;
const SETTLED_PERCENTS = [50, 80, 95, 100] as const;

export class RecordedStory {
  readonly replay: Replay;
  /** Vertices whose best path changes at least once, the service's own sites left out. */
  readonly affected: Int32Array;
  /** Every AS counts one. */
  readonly #each: Uint8Array;
  readonly #nameOf: ReadonlyMap<number, string>;

  constructor(replay: Replay) {
    this.replay = replay;
    const { header, changes } = replay.recording;
    this.#nameOf = new Map(header.sites.map(({ vertex, site }) => [vertex, site]));
    const isChanged = new Uint8Array(header.graph.vertices);
    for (let index = 0; index < changes.count; index++) isChanged[changes.vertex[index]!] = 1;
    for (const { vertex } of header.sites) isChanged[vertex] = 0;
    this.#each = new Uint8Array(this.replay.graph.vertexCount).fill(1);
    this.affected = Int32Array.from([...isChanged.keys()].filter((vertex) => isChanged[vertex] === 1));
  }

  /** Moves the cursor. */
  at(atUs: number): ReplayFrame {
    const { header, changes, messages } = this.replay.recording;
    this.replay.seek(atUs);
    const routes = new Map(header.sites.map(({ vertex }) => [vertex, 0]));
    let routeless = 0;
    for (let vertex = 0; vertex < header.graph.networks; vertex++) {
      const site = this.replay.siteOf(vertex);
      if (site === NONE) routeless += 1;
      else routes.set(site, (routes.get(site) ?? 0) + 1);
    }
    const sites = this.#sitesAt(atUs);
    return {
      atUs,
      sites: header.sites.map(({ vertex }) => ({
        isAnnounced: this.replay.nextHop(vertex) === vertex,
        isServing: sites.isServing(vertex) || !sites.isSite(vertex),
        routes: routes.get(vertex)!,
      })),
      vantages: header.vantages.map(({ vertex }) => this.#siteName(this.replay.siteOf(vertex))),
      routeless,
      fates: this.#fates(sites),
      changes: countUntil(changes, atUs),
      messages: countUntil(messages, atUs),
    };
  }

  /** Dense at first and where something is done, sparse later. Moves the cursor. */
  curve(): (Fates & { readonly atUs: number })[] {
    return this.#curveTimes().map((atUs) => {
      this.replay.seek(atUs);
      return { atUs, ...this.#fates(this.#sitesAt(atUs)) };
    });
  }

  /** By time; of one moment acts first. */
  moments(): ReplayMoment[] {
    const acts = this.replay.recording.header.acts.map(({ atUs, what }): ReplayMoment => ({
      atUs,
      sort: "act",
      what,
    }));
    return [...acts, ...this.#moves(), ...this.#settled()].sort((a, b) => a.atUs - b.atUs);
  }

  #siteName(vertex: number): string | null {
    return vertex === NONE ? null : (this.#nameOf.get(vertex) ?? null);
  }

  /** At the moment of the cursor. */
  #fates(sites: ServiceSites): Fates {
    const { right, wrong, lost, looping } = countFates(this.replay, this.affected, this.#each, sites);
    return { right, wrong, lost, looping };
  }

  #sitesAt(atUs: number): ServiceSites {
    const { announced, graph, acts } = this.replay.recording.header;
    const sites = new ServiceSites(announced, graph.networks);
    for (const act of acts) {
      if (act.atUs > atUs || act.vertex === undefined) continue;
      sites.setServing(act.vertex, act.isServing === true);
    }
    return sites;
  }

  #curveTimes(): number[] {
    const { header, endUs } = this.replay.recording;
    const times = new Set([0, endUs]);
    const starts = [0, ...header.acts.map(({ atUs }) => atUs)];
    const steps = Math.max(8, Math.floor(CURVE_POINTS / starts.length));
    for (const startUs of starts.slice(0, CURVE_POINTS / 8)) {
      times.add(startUs);
      if (startUs > 0) times.add(startUs - 1);
      const growth = Math.max(1, (endUs - startUs) / CURVE_FIRST_US) ** (1 / steps);
      for (let step = 0, us = CURVE_FIRST_US; step <= steps; step++, us *= growth) {
        times.add(Math.min(endUs, Math.round(startUs + us)));
      }
    }
    return [...times].sort((a, b) => a - b);
  }

  #moves(): ReplayMoment[] {
    const { header, changes, paths } = this.replay.recording;
    const vantageOf = new Map(header.vantages.map(({ vertex, vantage }) => [vertex, vantage]));
    const moves: ReplayMoment[] = [];
    for (let index = 0; index < changes.count; index++) {
      const vantage = vantageOf.get(changes.vertex[index]!);
      if (vantage === undefined) continue;
      const siteOf = (path: number): string | null => this.#siteName(path === 0 ? NONE : paths.site[path]!);
      const [from, to] = [siteOf(this.replay.pathBefore(index)), siteOf(changes.path[index]!)];
      if (from !== to) moves.push({ atUs: changes.atUs[index]!, sort: "moved", vantage, from, to });
    }
    return moves;
  }

  #settled(): ReplayMoment[] {
    const { changes, paths } = this.replay.recording;
    const lastUs = new Map<number, number>();
    for (const vertex of this.affected) lastUs.set(vertex, 0);
    for (let index = 0; index < changes.count; index++) {
      const [before, after] = [this.replay.pathBefore(index), changes.path[index]!];
      const isMove = (before === 0 ? NONE : paths.site[before]) !== (after === 0 ? NONE : paths.site[after]);
      if (isMove && lastUs.has(changes.vertex[index]!)) {
        lastUs.set(changes.vertex[index]!, changes.atUs[index]!);
      }
    }
    // Whoever keeps his site on another path has nothing to settle.
    const times = Float64Array.from([...lastUs.values()].filter((us) => us > 0)).sort();
    if (times.length === 0) return [];
    return SETTLED_PERCENTS.map((percent) => ({
      atUs: times[Math.ceil((percent / 100) * times.length) - 1]!,
      sort: "settled",
      percent,
    }));
  }
}
