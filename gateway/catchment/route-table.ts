/**
 * Routes in the form the forwarder wants: for a vantage, indexes of sites in order of preference, with round-trip
 * times. Worked out once for each answer of the source, not once a request. Sites that are not in the configuration
 * are left out; a vantage the source does not know gets all sites in the order written.
 */
import type { CatchmentSource, Routes } from "#core/wire/catchment.ts";
import type { Fleet } from "../forward/fleet.ts";
import { orderSites, type RoutingMode } from "../routing/modes.ts";

export interface RouteView {
  /** Empty: the vantage reaches no site. */
  readonly sites: readonly number[];
  /** Beside `sites`, whole microseconds. */
  readonly rttUs: readonly number[];
}

export class RouteTable {
  readonly #source: CatchmentSource;
  readonly #fleet: Fleet;
  readonly #mode: RoutingMode;
  readonly #views = new Map<string, { readonly routes: Routes; readonly view: RouteView }>();
  readonly #unknown: RouteView;

  constructor(source: CatchmentSource, fleet: Fleet, mode: RoutingMode) {
    this.#source = source;
    this.#fleet = fleet;
    this.#mode = mode;
    this.#unknown = { sites: fleet.sites.map((_, index) => index), rttUs: fleet.sites.map(() => 0) };
  }

  /** `vantage` is one the gateway knows, so the table cannot grow without end. */
  view(vantage: string): RouteView {
    const routes = this.#source.routes(vantage);
    if (routes === undefined) return this.#unknown;
    const cached = this.#views.get(vantage);
    if (cached !== undefined && cached.routes === routes) return cached.view;
    const view = this.#make(routes);
    this.#views.set(vantage, { routes, view });
    return view;
  }

  /** Nodes whose path stands at a site; without a source that knows, all nodes configured. */
  announcedNodes(siteIndex: number): readonly string[] {
    const site = this.#fleet.sites[siteIndex]!;
    return this.#source.announcedNodes(site.id) ?? site.nodes;
  }

  #make(routes: Routes): RouteView {
    const sites: number[] = [];
    const rttUs: number[] = [];
    // The bare network delivers nothing while BGP has no route; a gateway that may rescue looks where it would lead.
    if (routes.isUnreachable === true && this.#mode === "anycast-only") return { sites, rttUs };
    for (const route of orderSites(this.#mode, routes.sites)) {
      const index = this.#fleet.siteIndex(route.site);
      if (index === undefined) continue;
      sites.push(index);
      rttUs.push(route.rttUs);
    }
    return { sites, rttUs };
  }
}
