/**
 * Where a request comes from: the vantage named by its Host (`new-york.localhost:8080`), by a field where one is
 * configured, else the default. Only names the gateway knows count, so a client cannot invent labels or grow tables.
 */
const SUFFIX = ".localhost";
/** Authorities seen; they repeat. Beyond this many the rest is worked out each time. */
const CACHE_MAX = 256;

export interface VantageOptions {
  readonly defaultVantage: string;
  readonly isKnown: (vantage: string) => boolean;
}

export class VantageResolver {
  readonly #options: VantageOptions;
  readonly #labels = new Map<string, string>();

  constructor(options: VantageOptions) {
    this.#options = options;
  }

  resolve(authority: string, field: string | undefined): string {
    if (field !== undefined && this.#options.isKnown(field)) return field;
    const label = this.#label(authority);
    return label !== "" && this.#options.isKnown(label) ? label : this.#options.defaultVantage;
  }

  #label(authority: string): string {
    const known = this.#labels.get(authority);
    if (known !== undefined) return known;
    const label = labelOf(authority);
    if (this.#labels.size < CACHE_MAX) this.#labels.set(authority, label);
    return label;
  }
}

/** `new-york` of `new-york.localhost:8080`; empty when there is none. */
function labelOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  const host = (colon < 0 ? authority : authority.slice(0, colon)).toLowerCase();
  return host.endsWith(SUFFIX) ? host.slice(0, -SUFFIX.length) : "";
}
