/**
 * Sticky sessions: requests that belong together go to the node that had the last of them, as long as it takes requests.
 * Where the network (or the loss of a site) takes a client to another site, it goes there: affinity is to a node
 * within the site that serves, and it never beats health, a drain, a weight of 0 or a retry.
 *
 * By cookie: the gateway names the node by a token that nobody can guess, and gives a new one when another node answers.
 * By address or field nothing is kept anywhere: among the nodes that may be asked the one with the highest hash of key and
 * node wins (rendezvous hashing; Thaler and Ravishankar, IEEE/ACM ToN 1998), so that a node that goes moves only its own
 * clients, and every gateway chooses alike.
 */
import { hashText, mix } from "#core/prng.ts";
import { cookieNamed, fieldNamed, valueOf, type HashBy, type KeySource } from "./request-key.ts";

const NONE = -1;

export interface AffinityNode {
  readonly index: number;
  readonly id: string;
  readonly siteIndex: number;
}

export type AffinityOptions =
  | {
      readonly by: "cookie";
      readonly cookie: string;
      /** Behind the value: `Path=/; HttpOnly; SameSite=Lax`. */
      readonly attributes: string;
      /** By node: what the cookie says of it. */
      readonly tokens: readonly string[];
    }
  | { readonly by: "key"; readonly of: HashBy };

export class Affinity {
  readonly #options: AffinityOptions;
  readonly #nodes: readonly AffinityNode[];
  readonly #bySite: readonly (readonly AffinityNode[])[];
  readonly #hashes: readonly number[];
  readonly #nodeByToken = new Map<string, number>();

  /** `nodes` in the order of their index, from 0. */
  constructor(options: AffinityOptions, nodes: readonly AffinityNode[]) {
    this.#options = options;
    this.#nodes = nodes;
    const sites: AffinityNode[][] = [];
    for (const node of nodes) (sites[node.siteIndex] ??= []).push(node);
    this.#bySite = sites;
    this.#hashes = nodes.map(({ id }) => hashText(id));
    if (options.by === "cookie") {
      for (const [node, token] of options.tokens.entries()) this.#nodeByToken.set(token, node);
    }
  }

  /** What of the request it hangs on: a node, or 32 bits of a key; undefined: nothing. For `nodeOf`. */
  markOf(source: KeySource): number | undefined {
    const options = this.#options;
    if (options.by === "cookie") {
      const token = cookieNamed(fieldNamed(source.fields, "cookie"), options.cookie);
      return token === undefined ? undefined : this.#nodeByToken.get(token);
    }
    const value = valueOf(options.of, source);
    return value === undefined ? undefined : hashText(value);
  }

  /** The node of this site that the request belongs to, among those that may take it; NONE: any will do. */
  nodeOf(mark: number, site: number, mayTake: (node: number) => boolean): number {
    if (this.#options.by === "cookie") {
      return this.#nodes[mark]?.siteIndex === site && mayTake(mark) ? mark : NONE;
    }
    let best = NONE;
    let bestScore = -1;
    for (const { index } of this.#bySite[site] ?? []) {
      const score = scoreOf(mark, this.#hashes[index]!);
      if (score > bestScore && mayTake(index)) {
        best = index;
        bestScore = score;
      }
    }
    return best;
  }

  /** Value of a Set-Cookie field for the client, if this node's answer needs one. */
  cookieFor(node: number, mark: number | undefined): string | undefined {
    const options = this.#options;
    if (options.by !== "cookie" || node === mark) return undefined;
    return `${options.cookie}=${options.tokens[node]!}; ${options.attributes}`;
  }
}

/** Every bit of either reaches every bit of the score. */
function scoreOf(key: number, node: number): number {
  return mix(key ^ Math.imul(node, 0x9e37_79b1));
}
