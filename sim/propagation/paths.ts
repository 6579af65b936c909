/**
 * AS paths as a tree that only grows: a path is (head, the path behind it). Each distinct path exists once, so that
 * "differs from what was sent last" is a comparison of two numbers. 0 is no path.
 */
import { invariant } from "#core/assert.ts";

const CAPACITY_FIRST = 1024;
const NO_PARENT = 0;

/** How a site announces itself. */
export interface RouteMarks {
  /** How often its AS is repeated beyond the once it must. */
  readonly prepends: number;
  readonly isGraceful?: boolean;
  /** NO_EXPORT (RFC 1997): who hears it from the site passes it to nobody. */
  readonly isNoExport?: boolean;
  /** NOPEER (RFC 3765), kept on the whole way: who has it from a customer does not tell it to peers. */
  readonly isNoPeer?: boolean;
  /** BLACKHOLE (RFC 7999): who hears it from the site drops its packets, and passes it to nobody (§3.2). */
  readonly isBlackhole?: boolean;
}

export class PathTree {
  /** Vertex whose announcement this is. */
  head = new Int32Array(CAPACITY_FIRST);
  parent = new Int32Array(CAPACITY_FIRST);
  /** AS hops, prepends included. */
  length = new Uint16Array(CAPACITY_FIRST);
  /** Vertex of the site at the far end. */
  site = new Int32Array(CAPACITY_FIRST);
  /** 1: carries GRACEFUL_SHUTDOWN. */
  isGraceful = new Uint8Array(CAPACITY_FIRST);
  /** 1: a site's own announcement with NO_EXPORT or BLACKHOLE: who hears it passes it to nobody. */
  isNoExport = new Uint8Array(CAPACITY_FIRST);
  /** 1: carries NOPEER. */
  isNoPeer = new Uint8Array(CAPACITY_FIRST);
  /** The bits of all ASes on the path: an AS whose bit is missing is not on it, and nobody has to walk. */
  asBits = new Int32Array(CAPACITY_FIRST);
  readonly #asn: Uint32Array | undefined;
  #count = 1;
  /** Open addressing over (head, parent): path ids, 0 is free. */
  #table = new Int32Array(CAPACITY_FIRST * 2);
  readonly #roots = new Map<string, number>();

  /** `asn` by vertex; without it every vertex is an AS of its own. */
  constructor(asn?: Uint32Array) {
    this.#asn = asn;
  }

  get count(): number {
    return this.#count;
  }

  /** What a site announces of itself: its own AS, `prepends` times more than once. */
  root(site: number, marks: RouteMarks): number {
    const { prepends, isGraceful = false, isNoPeer = false } = marks;
    const isNoExport = marks.isNoExport === true || marks.isBlackhole === true;
    const key = `${site}/${prepends}/${isGraceful}/${isNoExport}/${isNoPeer}`;
    const known = this.#roots.get(key);
    if (known !== undefined) return known;
    const path = this.#append(site, NO_PARENT, 1 + prepends, site);
    this.isGraceful[path] = isGraceful ? 1 : 0;
    this.isNoExport[path] = isNoExport ? 1 : 0;
    this.isNoPeer[path] = isNoPeer ? 1 : 0;
    this.#roots.set(key, path);
    return path;
  }

  /** `head` passes `parent` on. */
  extend(head: number, parent: number): number {
    invariant(parent !== 0, "no path to extend");
    let cell = this.#cellOf(head, parent);
    for (let path = this.#table[cell]!; path !== 0; path = this.#table[cell]!) {
      if (this.head[path] === head && this.parent[path] === parent) return path;
      cell = (cell + 1) & (this.#table.length - 1);
    }
    const path = this.#append(head, parent, this.length[parent]! + 1, this.site[parent]!);
    this.isGraceful[path] = this.isGraceful[parent]!;
    this.isNoPeer[path] = this.isNoPeer[parent]!;
    this.#table[cell] = path;
    if (this.#count * 2 > this.#table.length) this.#rehash();
    return path;
  }

  /** The vertices of a path, nearest first; a site appears once whatever it prepends. */
  vertices(path: number): number[] {
    const vertices: number[] = [];
    for (let at = path; at !== 0; at = this.parent[at]!) vertices.push(this.head[at]!);
    return vertices;
  }

  #append(head: number, parent: number, length: number, site: number): number {
    if (this.#count === this.head.length) this.#grow();
    const path = this.#count++;
    this.head[path] = head;
    this.parent[path] = parent;
    this.length[path] = length;
    this.site[path] = site;
    this.asBits[path] = this.asBits[parent]! | asBit(this.#asn?.[head] ?? head);
    return path;
  }

  #cellOf(head: number, parent: number): number {
    const hash = Math.imul(head, 0x9e37_79b1) ^ Math.imul(parent, 0x85eb_ca77);
    return (hash ^ (hash >>> 15)) & (this.#table.length - 1);
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    for (let path = 1; path < this.#count; path++) {
      if (this.parent[path] === NO_PARENT) continue;
      let cell = this.#cellOf(this.head[path]!, this.parent[path]!);
      while (this.#table[cell] !== 0) cell = (cell + 1) & (this.#table.length - 1);
      this.#table[cell] = path;
    }
  }

  #grow(): void {
    const capacity = this.head.length * 2;
    this.head = grown(this.head, new Int32Array(capacity));
    this.parent = grown(this.parent, new Int32Array(capacity));
    this.length = grown(this.length, new Uint16Array(capacity));
    this.site = grown(this.site, new Int32Array(capacity));
    this.isGraceful = grown(this.isGraceful, new Uint8Array(capacity));
    this.isNoExport = grown(this.isNoExport, new Uint8Array(capacity));
    this.isNoPeer = grown(this.isNoPeer, new Uint8Array(capacity));
    this.asBits = grown(this.asBits, new Int32Array(capacity));
  }
}

/** One of 32 bits: with five ASes on a path six of seven strangers are told apart by it. */
export function asBit(asn: number): number {
  return 1 << (Math.imul(asn, 0x9e37_79b1) >>> 27);
}

function grown<T extends Int32Array | Uint16Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
