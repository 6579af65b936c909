/** Responses that are kept, bounded in bytes and number; the one that was used longest ago goes first. */
import { isFor, type StoredResponse } from "./stored-response.ts";

/** Of one resource, chosen by different fields of requests. */
const VARIANTS_MAX = 16;
/** What an entry costs beside its body: fields, key, objects. */
const OVERHEAD_BYTES = 512;

export interface StoreBounds {
  readonly bytesMax: number;
  readonly entriesMax: number;
}

interface Entry {
  readonly key: string;
  response: StoredResponse;
  bytes: number;
}

export class ResponseStore {
  readonly #bounds: StoreBounds;
  readonly #variants = new Map<string, Entry[]>();
  /** In the order of their last use: a Map keeps the order in which keys came. */
  readonly #uses = new Map<Entry, true>();
  #bytes = 0;
  evictions = 0;

  constructor(bounds: StoreBounds) {
    this.#bounds = bounds;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#uses.size;
  }

  find(key: string, requestFields: readonly string[]): StoredResponse | undefined {
    const entry = this.#variants.get(key)?.find(({ response }) => isFor(response, requestFields));
    if (entry === undefined) return undefined;
    this.#uses.delete(entry);
    this.#uses.set(entry, true);
    return entry.response;
  }

  /** Some variant. */
  has(key: string): boolean {
    return this.#variants.has(key);
  }

  /** What is known of it is known anew. Nothing happens if it is not kept any more. */
  replace(key: string, before: StoredResponse, after: StoredResponse): void {
    const entry = this.#variants.get(key)?.find(({ response }) => response === before);
    if (entry === undefined) return;
    this.#remove(entry);
    this.#add(key, after);
  }

  /** In place of what was kept for such a request. */
  put(key: string, requestFields: readonly string[], response: StoredResponse): void {
    const before = this.#variants.get(key)?.find((entry) => isFor(entry.response, requestFields));
    if (before !== undefined) this.#remove(before);
    this.#add(key, response);
  }

  #add(key: string, response: StoredResponse): void {
    const entry = { key, response, bytes: bytesOf(key, response) };
    if (entry.bytes > this.#bounds.bytesMax) return;
    const variants = this.#variants.get(key) ?? [];
    if (variants.length >= VARIANTS_MAX) this.#evict(variants[0]!);
    this.#variants.set(key, [...(this.#variants.get(key) ?? []), entry]);
    this.#uses.set(entry, true);
    this.#bytes += entry.bytes;
    while (this.#bytes > this.#bounds.bytesMax || this.#uses.size > this.#bounds.entriesMax) {
      const [oldest] = this.#uses.keys();
      this.#evict(oldest!);
    }
  }

  /** Every variant. */
  forget(key: string): void {
    for (const entry of this.#variants.get(key) ?? []) this.#remove(entry);
  }

  clear(): { readonly entries: number; readonly bytes: number } {
    const cleared = { entries: this.count, bytes: this.#bytes };
    this.#variants.clear();
    this.#uses.clear();
    this.#bytes = 0;
    return cleared;
  }

  #evict(entry: Entry): void {
    this.evictions += 1;
    this.#remove(entry);
  }

  #remove(entry: Entry): void {
    const left = (this.#variants.get(entry.key) ?? []).filter((other) => other !== entry);
    if (left.length === 0) this.#variants.delete(entry.key);
    else this.#variants.set(entry.key, left);
    this.#uses.delete(entry);
    this.#bytes -= entry.bytes;
  }
}

function bytesOf(key: string, { body, fields, vary }: StoredResponse): number {
  const text = [...fields, ...vary.flat()].reduce((sum, field) => sum + (field?.length ?? 0), key.length);
  return body.length + text + OVERHEAD_BYTES;
}
