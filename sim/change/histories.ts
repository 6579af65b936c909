/**
 * What single ASes went through, to the microsecond: where their packets went, by which way, from when on, and how many
 * messages they heard. An AS is looked at again whenever somebody on its packets' way chooses anew.
 */
import type { PropagationEngine } from "#sim/propagation/engine.ts";
import { followPackets, type Fate, type Sites, type Way } from "#sim/propagation/fates.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";

export interface HistoryStep {
  /** Since the change began, µs; from then on. */
  readonly atUs: number;
  readonly fate: Fate;
  /** Vertices of the way of its packets, itself first. */
  readonly way: readonly number[];
}

export interface History {
  readonly vertex: number;
  readonly steps: readonly HistoryStep[];
  readonly announcements: number;
  readonly withdrawals: number;
  /** How often it chose another best path, or none. */
  readonly bestChanges: number;
}

interface Observed {
  readonly vertex: number;
  steps: HistoryStep[];
  way: ReadonlySet<number>;
  announcements: number;
  withdrawals: number;
  bestChanges: number;
}

export class Histories {
  readonly #graph: AsGraph;
  readonly #engine: PropagationEngine;
  readonly #sites: Sites;
  readonly #observed: readonly Observed[];
  readonly #byVertex: ReadonlyMap<number, Observed>;

  constructor(graph: AsGraph, engine: PropagationEngine, sites: Sites, vertices: readonly number[]) {
    this.#graph = graph;
    this.#engine = engine;
    this.#sites = sites;
    this.#observed = [...new Set(vertices)].map((vertex) => ({
      vertex,
      steps: [],
      way: new Set([vertex]),
      announcements: 0,
      withdrawals: 0,
      bestChanges: 0,
    }));
    this.#byVertex = new Map(this.#observed.map((each) => [each.vertex, each]));
  }

  bestChanged(vertex: number, atUs: number): void {
    const own = this.#byVertex.get(vertex);
    if (own !== undefined) own.bestChanges += 1;
    for (const each of this.#observed) if (each.way.has(vertex)) this.#look(each, atUs);
  }

  /** `slot` is the receiver's end; path 0 a withdrawal. */
  arrived(slot: number, path: number): void {
    const own = this.#byVertex.get(this.#graph.neighbors[this.#graph.reverse[slot]!]!);
    if (own === undefined) return;
    if (path === 0) own.withdrawals += 1;
    else own.announcements += 1;
  }

  /** A site has come, gone, or serves nobody any more. */
  serviceChanged(atUs: number): void {
    for (const each of this.#observed) this.#look(each, atUs);
  }

  finish(): History[] {
    return this.#observed.map(({ way: _way, ...history }) => history);
  }

  #look(observed: Observed, atUs: number): void {
    const { fate, vertices } = followPackets(this.#engine, this.#sites, observed.vertex);
    observed.way = new Set(vertices);
    if (isSame(observed.steps.at(-1), { fate, vertices })) return;
    // What lasts no time is no step.
    if (observed.steps.at(-1)?.atUs === atUs) observed.steps.pop();
    if (isSame(observed.steps.at(-1), { fate, vertices })) return;
    observed.steps.push({ atUs, fate, way: vertices });
  }
}

function isSame(step: HistoryStep | undefined, { fate, vertices }: Way): boolean {
  return (
    step?.fate === fate &&
    step.way.length === vertices.length &&
    step.way.every((vertex, index) => vertex === vertices[index])
  );
}
