/**
 * What is different for some requests: chosen by path, method and host, the first pattern that fits counts. Pure.
 *
 * The path is compared as it came, up to its query, percent-encoding undecoded (RFC 9110 §7.7: nobody rewrites it): a node that
 * decodes or shortens it may see another one, so a pattern is no place for access rules.
 */
import type { Tier } from "../admission/waiting-line.ts";
import type { RouteView } from "../catchment/route-table.ts";
import { pathOf } from "./path-of.ts";
import type { KeySource } from "./request-key.ts";
import { chooseSubset, subsetChains, type Subset, type SubsetChoice } from "./subset-choice.ts";

export interface PathPattern {
  readonly id: string;
  readonly match: readonly string[];
  /** Empty: any. */
  readonly methods: readonly string[];
  /** Lower case, without a port; empty: any. */
  readonly hosts: readonly string[];
  /** Indices; undefined: all. */
  readonly sites: ReadonlySet<number> | undefined;
  /** Undefined: all nodes. */
  readonly subset: SubsetChoice | undefined;
  /** Undefined: as everywhere. */
  readonly retryNonIdempotent: boolean | undefined;
  readonly isHedged: boolean | undefined;
  readonly tier: Tier;
  readonly isSampled: boolean;
  readonly isCached: boolean;
}

export class PathPatterns {
  readonly #patterns: readonly { readonly pattern: PathPattern; readonly globs: readonly PathGlob[] }[];
  /** A view is the same object as long as nothing has changed. */
  readonly #narrowed = new WeakMap<RouteView, Map<PathPattern, RouteView>>();
  /** By the subset's number: whom its requests may be given to. */
  readonly #chains: readonly (readonly number[])[];

  constructor(patterns: readonly PathPattern[], subsets: readonly Subset[] = []) {
    this.#chains = subsetChains(subsets);
    this.#patterns = patterns.map((pattern) => ({
      pattern,
      globs: pattern.match.map((text) => new PathGlob(text)),
    }));
  }

  /** `path` with its query, `authority` with its port, if they have one. */
  of(method: string, authority: string, path: string): PathPattern | undefined {
    const plain = pathOf(path);
    const host = hostOf(authority);
    for (const { globs, pattern } of this.#patterns) {
      const { hosts, methods } = pattern;
      if (methods.length > 0 && !methods.includes(method)) continue;
      if (hosts.length > 0 && !hosts.includes(host)) continue;
      if (globs.some((glob) => glob.fits(plain))) return pattern;
    }
    return undefined;
  }

  /** Numbers of the subsets that a request may be given to, the first one first; undefined: to all nodes. */
  subsetsOf({ subset }: PathPattern, source: KeySource): readonly number[] | undefined {
    return subset === undefined ? undefined : this.#chains[chooseSubset(subset, source)];
  }

  /** The subset's own number, and those of what is asked when it has nobody. */
  chainOf(subset: number): readonly number[] {
    return this.#chains[subset]!;
  }

  /** The sites of a view that the pattern leaves, in their order. */
  narrow(view: RouteView, pattern: PathPattern): RouteView {
    const { sites } = pattern;
    if (sites === undefined) return view;
    const ofView = this.#narrowed.get(view) ?? new Map<PathPattern, RouteView>();
    this.#narrowed.set(view, ofView);
    let narrow = ofView.get(pattern);
    if (narrow === undefined) {
      const kept = [...view.sites.keys()].filter((index) => sites.has(view.sites[index]!));
      narrow = {
        sites: kept.map((index) => view.sites[index]!),
        rttUs: kept.map((index) => view.rttUs[index]!),
      };
      ofView.set(pattern, narrow);
    }
    return narrow;
  }
}

interface Segment {
  readonly prefix: string;
  /** Undefined: the segment is the prefix alone. */
  readonly suffix: string | undefined;
}

/** No expression that a long path could keep busy: each segment is looked at once. */
class PathGlob {
  readonly #segments: readonly Segment[];
  /** `/**` at its end: with anything behind, and with nothing. */
  readonly #isOpen: boolean;

  constructor(text: string) {
    this.#isOpen = text.endsWith("/**");
    const closed = this.#isOpen ? text.slice(0, -"/**".length) : text;
    this.#segments = closed.split("/").map((segment) => {
      const [prefix = "", suffix] = segment.split("*");
      return { prefix, suffix };
    });
  }

  fits(path: string): boolean {
    const given = path.split("/");
    const isLong = this.#isOpen
      ? given.length >= this.#segments.length
      : given.length === this.#segments.length;
    return isLong && this.#segments.every((segment, index) => segmentFits(segment, given[index]!));
  }
}

function segmentFits({ prefix, suffix }: Segment, given: string): boolean {
  if (suffix === undefined) return given === prefix;
  return given.length >= prefix.length + suffix.length && given.startsWith(prefix) && given.endsWith(suffix);
}

function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, "").toLowerCase();
}
