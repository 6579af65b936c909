/**
 * The paths a site's router holds, one per node at most, and what the site therefore says to the Internet.
 *
 * A path marked GRACEFUL_SHUTDOWN has local preference 0 (RFC 8326): it is used only while no other stands. So the
 * site is announced as graceful only when all its paths are, and its router sends traffic to unmarked nodes alone.
 */
export interface SiteAnnouncement {
  readonly isGraceful: boolean;
  /** Nodes that traffic is sent to, in the router's order; never empty. */
  readonly nodes: readonly string[];
}

export class SitePaths {
  /** Every node the router knows, in its order; the value says how the path stands. */
  readonly #paths: Map<string, "none" | "normal" | "graceful">;

  constructor(nodes: readonly string[]) {
    this.#paths = new Map(nodes.map((node) => [node, "none"]));
  }

  /** The path of a node now stands, as told; it replaces the one before. */
  stand(node: string, isGraceful: boolean): void {
    this.#paths.set(node, isGraceful ? "graceful" : "normal");
  }

  drop(node: string): void {
    this.#paths.set(node, "none");
  }

  stands(node: string): boolean {
    return this.#paths.get(node) !== "none";
  }

  /** Undefined while no path stands. */
  announcement(): SiteAnnouncement | undefined {
    const normal = this.#nodes("normal");
    if (normal.length > 0) return { isGraceful: false, nodes: normal };
    const graceful = this.#nodes("graceful");
    return graceful.length > 0 ? { isGraceful: true, nodes: graceful } : undefined;
  }

  #nodes(state: "normal" | "graceful"): string[] {
    const nodes: string[] = [];
    for (const [node, is] of this.#paths) if (is === state) nodes.push(node);
    return nodes;
  }
}
