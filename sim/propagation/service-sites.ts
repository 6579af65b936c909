/** The sites of a service at one moment: which of them serve who comes, and to which nobody comes. */
import type { Sites } from "./fates.ts";
import type { RouteMarks } from "./paths.ts";

export class ServiceSites implements Sites {
  readonly routersFrom: number;
  readonly subject: number | undefined;
  readonly #isServing = new Map<number, boolean>();
  readonly #blackholes = new Set<number>();

  /** `announced`: before anything happens. `routersFrom`: the first vertex that is a router of the service's own. */
  constructor(
    announced: readonly (RouteMarks & { readonly vertex: number })[],
    routersFrom: number,
    subject?: number,
  ) {
    this.routersFrom = routersFrom;
    this.subject = subject;
    for (const source of announced) this.announced(source.vertex, source);
  }

  isSite(vertex: number): boolean {
    return this.#isServing.has(vertex);
  }

  isServing(vertex: number): boolean {
    return this.#isServing.get(vertex) === true;
  }

  isBlackhole(vertex: number): boolean {
    return this.#blackholes.has(vertex);
  }

  /** It announces, which does not raise the dead. */
  announced(vertex: number, { isBlackhole }: Pick<RouteMarks, "isBlackhole">): void {
    if (!this.#isServing.has(vertex)) this.#isServing.set(vertex, true);
    if (isBlackhole === true) this.#blackholes.add(vertex);
    else this.#blackholes.delete(vertex);
  }

  /** Whether it serves who comes, from now on. */
  setServing(vertex: number, isServing: boolean): void {
    this.#isServing.set(vertex, isServing);
  }
}
