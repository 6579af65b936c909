/**
 * What is needed to go on with a response whose node has died when part of it is already with the client: the rest is
 * asked of another node by Range, and taken only if it is provably the rest of the same bytes (RFC 9110 §14.2, §15.3.7).
 *
 * Provably: a strong ETag (§8.8.1: equal bytes, always) that the other node repeats, a single range that begins with the
 * very next byte and ends where the body was to end. `If-Match` goes along, so that a node with another version says 412
 * instead of sending it. Everything else ends the client's connection, visibly: weak or absent ETags, other methods
 * than GET, multipart ranges, announced trailers, a body whose length was never told.
 */
export interface ResponseSign {
  readonly status: number;
  /** Values of the node's fields; undefined: absent. */
  readonly etag: string | undefined;
  readonly contentRange: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly acceptRanges: string | undefined;
  readonly hasTrailers: boolean;
  /** -1: not told. */
  readonly contentLength: number;
}

/** Opaque tag of RFC 9110 §8.8.3 without the weakness mark. */
const STRONG_ETAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/;
const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i;

/** How far a resumable response has come. Offsets are those of the whole representation. */
export class ResumePoint {
  readonly etag: string;
  readonly #contentEncoding: string | undefined;
  #next: number;
  /** One behind the last byte the client was promised. */
  readonly end: number;

  constructor(etag: string, contentEncoding: string | undefined, first: number, end: number) {
    this.etag = etag;
    this.#contentEncoding = contentEncoding;
    this.#next = first;
    this.end = end;
  }

  /** Of the next byte the client needs. */
  get next(): number {
    return this.#next;
  }

  get isComplete(): boolean {
    return this.#next === this.end;
  }

  /** The node has sent so many bytes more; false: more than the body has, and none of them may go on. */
  advance(bytes: number): boolean {
    if (this.#next + bytes > this.end) return false;
    this.#next += bytes;
    return true;
  }

  /** Whether this answer to `rangeFields` is the rest of the same bytes, no more and no less. */
  isContinuedBy(sign: ResponseSign): boolean {
    const range = rangeOf(sign.contentRange);
    return (
      sign.status === 206 &&
      sign.etag === this.etag &&
      sign.contentEncoding === this.#contentEncoding &&
      range?.first === this.next &&
      range.end === this.end &&
      (sign.contentLength < 0 || sign.contentLength === this.end - this.next)
    );
  }

  /** The client's fields with its own conditions and range replaced: names and values in turn. */
  rangeFields(fields: readonly string[]): string[] {
    const asked: string[] = [];
    for (let index = 0; index < fields.length; index += 2) {
      if (isReplaced(fields[index]!)) continue;
      asked.push(fields[index]!, fields[index + 1]!);
    }
    asked.push("range", `bytes=${this.next}-${this.end - 1}`, "if-match", this.etag);
    return asked;
  }
}

/** Undefined: a break in this response cannot be mended. */
export function resumePoint(method: string, sign: ResponseSign): ResumePoint | undefined {
  const { status, etag, contentLength } = sign;
  if (method !== "GET" || etag === undefined || !STRONG_ETAG.test(etag) || sign.hasTrailers) return undefined;
  if (sign.acceptRanges?.toLowerCase() === "none") return undefined;
  if (status === 200) {
    return contentLength < 0 ? undefined : new ResumePoint(etag, sign.contentEncoding, 0, contentLength);
  }
  if (status !== 206) return undefined;
  // multipart/byteranges has its ranges in the body, and no Content-Range of its own.
  const range = rangeOf(sign.contentRange);
  if (range === undefined) return undefined;
  if (contentLength >= 0 && contentLength !== range.end - range.first) return undefined;
  return new ResumePoint(etag, sign.contentEncoding, range.first, range.end);
}

function rangeOf(
  contentRange: string | undefined,
): { readonly first: number; readonly end: number } | undefined {
  const match = CONTENT_RANGE.exec(contentRange ?? "");
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2]);
  const isSound = first <= last && (match[3] === "*" || last < Number(match[3]));
  return isSound ? { first, end: last + 1 } : undefined;
}

function isReplaced(name: string): boolean {
  switch (name.length) {
    case 5:
      return name.toLowerCase() === "range";
    case 8:
      return name.toLowerCase() === "if-match" || name.toLowerCase() === "if-range";
    case 13:
      return name.toLowerCase() === "if-none-match";
    case 17:
      return name.toLowerCase() === "if-modified-since";
    case 19:
      return name.toLowerCase() === "if-unmodified-since";
    default:
      return false;
  }
}
