/**
 * A name for each request that goes through: to the node, back to the client, and into the log. A client's own is kept if
 * it is short and plain, so that it can neither forge lines of a log nor fill it; otherwise one is made.
 */
const PLAIN = /^[A-Za-z0-9._:@/+=-]{1,128}$/;
const BASE = 36;

export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  /** `prefix`: of this process alone, so that names of several gateways differ. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** `given`: what the client calls it. */
  of(given: string | undefined): string {
    if (given !== undefined && PLAIN.test(given)) return given;
    this.#count += 1;
    return `${this.#prefix}-${this.#count.toString(BASE)}`;
  }
}
