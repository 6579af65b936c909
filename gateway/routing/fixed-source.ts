/**
 * `CatchmentSource` that never changes: sites per vantage as configured, and one answer for every other vantage. A
 * gateway without any catchment has all its sites in the order written.
 */
import type { CatchmentSource, Routes, SiteRoute } from "#core/wire/catchment.ts";

export interface FixedSourceOptions {
  readonly byVantage: ReadonlyMap<string, readonly SiteRoute[]>;
  /** For vantages that are not listed; undefined: they are unknown. */
  readonly otherwise?: readonly SiteRoute[];
  /** Nodes of each site: with no router to ask, every configured node counts as announced. */
  readonly nodesBySite: ReadonlyMap<string, readonly string[]>;
}

export class FixedSource implements CatchmentSource {
  readonly #routes = new Map<string, Routes>();
  readonly #otherwise: Routes | undefined;
  readonly #nodesBySite: ReadonlyMap<string, readonly string[]>;

  constructor(options: FixedSourceOptions) {
    for (const [vantage, sites] of options.byVantage) this.#routes.set(vantage, fixed(sites));
    this.#otherwise = options.otherwise === undefined ? undefined : fixed(options.otherwise);
    this.#nodesBySite = options.nodesBySite;
  }

  routes(vantage: string): Routes | undefined {
    return this.#routes.get(vantage) ?? this.#otherwise;
  }

  announcedNodes(site: string): readonly string[] | undefined {
    return this.#nodesBySite.get(site);
  }

  subscribe(): () => void {
    return () => undefined;
  }
}

function fixed(sites: readonly SiteRoute[]): Routes {
  return { revision: 1, asOfNs: 0, isStale: false, sites };
}
