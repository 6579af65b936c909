/**
 * One number for each client seen lately, at most `clientsMax` of them: the one that was quiet for longest goes first. With
 * a rate limit that forgives it at most one burst; without a bound, whoever has many addresses would fill the memory.
 */
export class ClientTable {
  readonly #clientsMax: number;
  /** In the order of their last request. */
  readonly #valueOf = new Map<string, number>();

  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax;
  }

  get size(): number {
    return this.#valueOf.size;
  }

  get(client: string): number {
    return this.#valueOf.get(client) ?? 0;
  }

  set(client: string, value: number): void {
    this.#valueOf.delete(client);
    if (this.#valueOf.size >= this.#clientsMax) {
      for (const eldest of this.#valueOf.keys()) {
        this.#valueOf.delete(eldest);
        break;
      }
    }
    this.#valueOf.set(client, value);
  }
}
