/**
 * What the catchment feed says, and since when: the state that a new reader gets, and the lines that follow from a
 * change. Pure. A revision is one change of anything; it begins at 1 with every start of the simulator. A reader
 * notices a restart by `instance`: by the time it comes back the revision may have overtaken the one it knew.
 */
import { CATCHMENT_FEED_SCHEMA, type CatchmentFeedLine, type SiteRoute } from "#core/wire/catchment.ts";

type RoutesLine = Extract<CatchmentFeedLine, { type: "routes" }>;
type AnnouncedLine = Extract<CatchmentFeedLine, { type: "announced" }>;

export class CatchmentBoard {
  readonly #routes = new Map<string, RoutesLine>();
  readonly #announced = new Map<string, AnnouncedLine>();
  readonly #instance: string;
  #revision = 1;

  constructor(vantages: readonly string[], sites: readonly string[], nowNs: number) {
    this.#instance = `since-${nowNs}`;
    const begin = { revision: 1, asOfNs: nowNs };
    for (const vantage of vantages) {
      this.#routes.set(vantage, { type: "routes", ...begin, vantage, sites: [], isUnreachable: true });
    }
    for (const site of sites) this.#announced.set(site, { type: "announced", ...begin, site, nodes: [] });
  }

  get revision(): number {
    return this.#revision;
  }

  /** All there is to say to a new reader, `hello` to `synced`. */
  state(): CatchmentFeedLine[] {
    return [
      {
        type: "hello",
        schema: CATCHMENT_FEED_SCHEMA,
        instance: this.#instance,
        vantages: [...this.#routes.keys()],
        sites: [...this.#announced.keys()],
      },
      ...this.#routes.values(),
      ...this.#announced.values(),
      { type: "synced", revision: this.#revision },
    ];
  }

  sites(vantage: string): readonly SiteRoute[] {
    return this.#routes.get(vantage)?.sites ?? [];
  }

  /** The lines that tell what differs from before; a new revision when there are any. */
  update(
    routes: ReadonlyMap<string, readonly SiteRoute[]>,
    announced: ReadonlyMap<string, readonly string[]>,
    unreachable: ReadonlySet<string>,
    asOfNs: number,
  ): CatchmentFeedLine[] {
    const lines: CatchmentFeedLine[] = [];
    const revision = this.#revision + 1;
    // Announcements first: who hears that a vantage has moved to a site should know the site's nodes already.
    for (const [site, line] of this.#announced) {
      const nodes = announced.get(site) ?? [];
      if (isSame(nodes, line.nodes)) continue;
      lines.push(put(this.#announced, site, { type: "announced", revision, asOfNs, site, nodes }));
    }
    for (const [vantage, line] of this.#routes) {
      const sites = routes.get(vantage) ?? [];
      const isUnreachable = unreachable.has(vantage);
      const wasUnreachable = line.isUnreachable === true;
      if (isUnreachable === wasUnreachable && isSame(sites.map(siteOf), line.sites.map(siteOf))) continue;
      const next: RoutesLine = { type: "routes", revision, asOfNs, vantage, sites };
      lines.push(put(this.#routes, vantage, isUnreachable ? { ...next, isUnreachable } : next));
    }
    if (lines.length > 0) this.#revision = revision;
    return lines;
  }
}

function put<T>(into: Map<string, T>, key: string, line: T): T {
  into.set(key, line);
  return line;
}

/** The round-trip time of a pair is a fact of the world: it never changes alone. */
function siteOf(route: SiteRoute): string {
  return route.site;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
