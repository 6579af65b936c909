/**
 * Reads CAIDA's AS relationships from bytes as they come, in chunks cut anywhere:
 *
 *     # comment
 *     174|3356|0            serial-1: a and b are peers
 *     174|64500|-1          serial-1: a is the provider of b
 *     174|64500|-1|bgp      serial-2: the same, and where it was learnt
 *
 * The first thing that is wrong ends it, with its line. Formats: https://publicdata.caida.org/datasets/as-relationships/
 */
import { UserError } from "#core/errors.ts";
import { RELATION } from "#sim/topology/as-graph.ts";
import { AS_MAX } from "#sim/topology/limits.ts";
import { AsnIndex } from "./asn-index.ts";
import { assemble, type AsRelLinks } from "./assemble.ts";

/** Five times the links known of the Internet in 2025. */
const LINKS_MAX = 2_500_000;
const LINE_BYTES_MAX = 4_096;
const LINKS_MIN = 1 << 12;
const NEW_LINE = 10;
const RETURN = 13;
const HASH = 35;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const BAR = 124;

export class AsRelParser {
  readonly #name: string;
  readonly #index = new AsnIndex();
  #a = new Int32Array(LINKS_MIN);
  #b = new Int32Array(LINKS_MIN);
  #relations = new Uint8Array(LINKS_MIN);
  #lines = new Int32Array(LINKS_MIN);
  #count = 0;
  #line = 0;
  /** The beginning of a line whose end has not come yet. */
  #rest = new Uint8Array(0);

  /** `name` stands before the line in errors: the path as the person typed it. */
  constructor(name: string) {
    this.#name = name;
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEW_LINE); end !== -1; end = bytes.indexOf(NEW_LINE, start)) {
      this.#takeLine(bytes, start, end);
      start = end + 1;
    }
    if (bytes.length - start > LINE_BYTES_MAX) {
      this.#line += 1;
      this.#refuse(`a line of more than ${LINE_BYTES_MAX} bytes`);
    }
    // A copy: the chunk may be a buffer that its reader uses again.
    this.#rest = bytes.slice(start);
  }

  /** The whole graph, once all bytes have come. */
  end(): ReturnType<typeof assemble> {
    if (this.#rest.length > 0) this.#takeLine(this.#rest, 0, this.#rest.length);
    this.#rest = new Uint8Array(0);
    if (this.#count === 0) {
      throw new UserError("AS_REL_EMPTY", `${this.#name} holds no link`, { hint: HINT });
    }
    return assemble(this.#name, this.#links());
  }

  #links(): AsRelLinks {
    const { asn, rankOf } = this.#index.sorted();
    for (let link = 0; link < this.#count; link++) {
      this.#a[link] = rankOf[this.#a[link]!]!;
      this.#b[link] = rankOf[this.#b[link]!]!;
    }
    const columns = { count: this.#count, a: this.#a, b: this.#b, relations: this.#relations };
    return { asn, columns, lines: this.#lines };
  }

  #takeLine(bytes: Uint8Array, start: number, lineEnd: number): void {
    this.#line += 1;
    const end = lineEnd > start && bytes[lineEnd - 1] === RETURN ? lineEnd - 1 : lineEnd;
    if (end === start || bytes[start] === HASH) return;
    const firstBar = bytes.indexOf(BAR, start);
    const secondBar = firstBar === -1 ? -1 : bytes.indexOf(BAR, firstBar + 1);
    if (firstBar === -1 || secondBar === -1 || secondBar >= end) {
      return this.#refuse(`"${this.#quote(bytes, start, end)}" is not a|b|relation`);
    }
    const a = this.#asNumber(bytes, start, firstBar);
    const b = this.#asNumber(bytes, firstBar + 1, secondBar);
    if (a === b) return this.#refuse(`AS ${a} is linked to itself`);
    this.#add(a, b, this.#relation(bytes, secondBar + 1, end));
  }

  #asNumber(bytes: Uint8Array, start: number, end: number): number {
    let asn = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte < ZERO || byte > NINE || end - start > 10) {
        this.#refuse(`"${this.#quote(bytes, start, end)}" is no AS number`);
      }
      asn = asn * 10 + byte - ZERO;
    }
    if (asn === 0 || asn > AS_MAX || end === start) {
      this.#refuse(`"${this.#quote(bytes, start, end)}" is no AS number: 1 to ${AS_MAX}`);
    }
    return asn;
  }

  #relation(bytes: Uint8Array, start: number, lineEnd: number): number {
    const bar = bytes.indexOf(BAR, start);
    const end = bar === -1 || bar > lineEnd ? lineEnd : bar;
    if (end - start === 1 && bytes[start] === ZERO) return RELATION.peer;
    if (end - start === 2 && bytes[start] === MINUS && bytes[start + 1] === ZERO + 1)
      return RELATION.customer;
    return this.#refuse(
      `relation "${this.#quote(bytes, start, end)}" is neither -1 (provider of) nor 0 (peer)`,
    );
  }

  #add(a: number, b: number, relation: number): void {
    if (this.#count === LINKS_MAX) this.#refuse(`more than ${LINKS_MAX} links`);
    if (this.#count === this.#a.length) this.#grow();
    this.#a[this.#count] = this.#index.of(a);
    this.#b[this.#count] = this.#index.of(b);
    this.#relations[this.#count] = relation;
    this.#lines[this.#count] = this.#line;
    this.#count += 1;
  }

  #grow(): void {
    const length = this.#a.length * 2;
    const grown = <T extends Int32Array | Uint8Array>(to: T, from: T): T => (to.set(from), to);
    this.#a = grown(new Int32Array(length), this.#a);
    this.#b = grown(new Int32Array(length), this.#b);
    this.#lines = grown(new Int32Array(length), this.#lines);
    this.#relations = grown(new Uint8Array(length), this.#relations);
  }

  #quote(bytes: Uint8Array, start: number, end: number): string {
    const text = Buffer.from(bytes.subarray(start, Math.min(end, start + 40))).toString("latin1");
    return text.replaceAll(/[^\x20-\x7e]/g, "?");
  }

  #refuse(what: string): never {
    throw new UserError("AS_REL_INVALID", `${this.#name}:${this.#line}: ${what}`, { hint: HINT });
  }
}

const HINT = "lines are a|b|-1 (a is the provider of b) or a|b|0 (peers), as CAIDA's as-rel files have them";
