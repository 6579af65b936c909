/**
 * Names of nodes to addresses, by DNS questions of our own. The system's `getaddrinfo` runs on four threads that everything
 * shares: five names that nobody answers for hold up the lookup of a sixth by ten seconds and more. Here each name has its own
 * question under way and waits for nobody.
 *
 * An answer is kept for its time to live (at least `TTL_MIN_S`); when it is over the name is asked again, and as long as there
 * is no other answer the last one stands: a nameserver that is away takes no node along. `/etc/hosts` comes first, `search` and
 * `ndots` of `/etc/resolv.conf` are heeded. Left out: nsswitch.conf and what else it may name (`resolver.kind: system`).
 */
import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP, type LookupFunction } from "node:net";
import { codeOf, messageOf } from "#core/errors.ts";
import type { ResolverConfig } from "../config/resolver.ts";
import { candidatesOf, readHosts, readSearch } from "./hosts-file.ts";

const HOSTS_FILE = "/etc/hosts";
const RESOLV_FILE = "/etc/resolv.conf";
const TTL_MIN_S = 1;
const TTL_MAX_S = 300;
/** Of names that stand in a file: looked at again so often. */
const FILE_TTL_S = 5;
/** A name without an answer is asked again no sooner. */
const FAILED_MS = 500;
/** Names are those of nodes, and few. */
const NAMES_MAX = 10_000;
const MS = 1_000;

interface Known {
  readonly addresses: readonly { readonly address: string; readonly family: 4 | 6 }[];
  readonly untilMs: number;
}

interface Failed {
  readonly error: NodeJS.ErrnoException;
  readonly untilMs: number;
}

export class NameResolver {
  readonly #resolver: Resolver;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, Known>();
  readonly #failed = new Map<string, Failed>();
  readonly #asking = new Map<string, Promise<Known>>();

  constructor({ servers, timeoutMs }: ResolverConfig, nowMs: () => number) {
    this.#resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
    if (servers.length > 0) this.#resolver.setServers(servers);
    this.#nowMs = nowMs;
  }

  /** For sockets, in place of `dns.lookup`. */
  readonly lookup: LookupFunction = (name, { all, family }, callback) => {
    this.#addressesOf(name.toLowerCase()).then(
      ({ addresses }) => {
        const fitting = addresses.filter(
          (each) => family === undefined || family === 0 || each.family === Number(family),
        );
        const [first] = fitting;
        if (first === undefined) return callback(notFound(name), "");
        if (all === true) return callback(null, [...fitting]);
        return callback(null, first.address, first.family);
      },
      (error: unknown) => callback(notFound(name, error), ""),
    );
  };

  /** Everything is asked anew. How many names were known. */
  clear(): number {
    const count = this.#known.size;
    this.#known.clear();
    this.#failed.clear();
    return count;
  }

  close(): void {
    this.#resolver.cancel();
  }

  async #addressesOf(name: string): Promise<Known> {
    const known = this.#known.get(name);
    if (known !== undefined) {
      // The old answer will do while a new one is on its way.
      if (this.#nowMs() >= known.untilMs) this.#ask(name).catch(() => undefined);
      return known;
    }
    const failed = this.#failed.get(name);
    if (failed !== undefined && this.#nowMs() < failed.untilMs) throw failed.error;
    return this.#ask(name);
  }

  #ask(name: string): Promise<Known> {
    const before = this.#asking.get(name);
    if (before !== undefined) return before;
    const asking = this.#answerOf(name)
      .then(
        (known) => {
          this.#failed.delete(name);
          if (this.#known.size >= NAMES_MAX) this.#known.clear();
          this.#known.set(name, known);
          return known;
        },
        (error: unknown) => {
          const untilMs = this.#nowMs() + FAILED_MS;
          const old = this.#known.get(name);
          if (old !== undefined) this.#known.set(name, { ...old, untilMs });
          if (this.#failed.size >= NAMES_MAX) this.#failed.clear();
          this.#failed.set(name, { error: error as NodeJS.ErrnoException, untilMs });
          throw error;
        },
      )
      .finally(() => this.#asking.delete(name));
    this.#asking.set(name, asking);
    return asking;
  }

  async #answerOf(name: string): Promise<Known> {
    const listed = readHosts(textOf(HOSTS_FILE)).get(name);
    if (listed !== undefined) {
      const addresses = listed.map((address) => ({ address, family: isIP(address) as 4 | 6 }));
      return { addresses, untilMs: this.#nowMs() + FILE_TTL_S * MS };
    }
    let failure: unknown = notFound(name);
    for (const candidate of candidatesOf(name, readSearch(textOf(RESOLV_FILE)))) {
      try {
        return await this.#query(candidate);
      } catch (error) {
        failure = error;
        // Only "there is no such name" is a reason to try another spelling of it.
        if (!isAbsent(error)) break;
      }
    }
    throw failure;
  }

  async #query(name: string): Promise<Known> {
    const [four, six] = await Promise.allSettled([
      this.#resolver.resolve4(name, { ttl: true }),
      this.#resolver.resolve6(name, { ttl: true }),
    ]);
    const found = [
      ...(four.status === "fulfilled" ? four.value.map((each) => ({ ...each, family: 4 as const })) : []),
      ...(six.status === "fulfilled" ? six.value.map((each) => ({ ...each, family: 6 as const })) : []),
    ];
    if (found.length === 0) throw four.status === "rejected" ? four.reason : notFound(name);
    const ttlS = Math.min(TTL_MAX_S, Math.max(TTL_MIN_S, ...found.map(({ ttl }) => ttl)));
    return {
      addresses: found.map(({ address, family }) => ({ address, family })),
      untilMs: this.#nowMs() + ttlS * MS,
    };
  }
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === "ENOTFOUND" || codeOf(error) === "ENODATA";
}

/** As `getaddrinfo` says it, so that an attempt that ends so is one that was refused. */
function notFound(name: string, cause?: unknown): NodeJS.ErrnoException {
  const why = cause === undefined ? "" : `: ${messageOf(cause)}`;
  return Object.assign(new Error(`there is no address for ${name}${why}`, { cause }), { code: "ENOTFOUND" });
}

/** Empty where there is no such file. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
