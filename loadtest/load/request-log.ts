/**
 * The log of a load run, one record per request, compact enough for millions: strings are written once and numbered.
 *
 *   file    = "ACLOG\0\0\1" entry*
 *   string  = 1:u8 length:u8 utf8            numbered 1, 2, 3 ... as they come; 0 stands for null
 *   request = 2:u8 index:u32 due:f64 sent:f64 connect:f64 firstByte:f64 end:f64 status:u16
 *             error:u16 node:u16 site:u16 cohort:u16 vantage:u16 method:u16 reused:u8
 *
 * Little-endian; times are monotonic ns, NaN for null; status 0 for null. Records stand in the order in which requests
 * ended. A file that was cut off is read up to its last whole entry. A disk that is full costs the log, not the run:
 * writing stops, and `close` says why.
 */
import { createWriteStream, type WriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "#core/errors.ts";
import type { RequestRecord } from "./request-record.ts";

const MAGIC = Buffer.from("ACLOG\0\0\u0001", "latin1");
const STRING = 1;
const REQUEST = 2;
const REQUEST_BYTES = 60;
const CHUNK_BYTES = 64 * 1024;
/** Names come from whoever answered: beyond these bounds they are cut, or all called the same. */
const STRING_BYTES_MAX = 255;
const STRINGS_MAX = 4_096;
const OVERFLOW = "(others)";
/** Bytes that wait for a slow disk before the log is given up. */
const BUFFERED_BYTES_MAX = 64 * 1024 * 1024;

export class RequestLogWriter {
  readonly #stream: WriteStream;
  readonly #ids = new Map<string, number>();
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** On disk, to be filled again: V8 lets go of memory outside its heap late, 42 MB of it in a load of two hours. */
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  #used = 0;
  #failure: string | undefined;

  constructor(file: string) {
    this.#stream = createWriteStream(file);
    this.#stream.on("error", (error) => this.#giveUp(messageOf(error)));
    this.#used = MAGIC.copy(this.#chunk);
    this.#intern(OVERFLOW);
  }

  write(record: RequestRecord): void {
    if (this.#failure !== undefined) return;
    // Strings first: they may start a new chunk and stand before the record that names them.
    const ids = [record.error, record.node, record.site, record.cohort, record.vantage, record.method].map(
      (text) => (text === null ? 0 : this.#intern(text)),
    );
    const chunk = this.#reserve(REQUEST_BYTES);
    let at = chunk.writeUInt8(REQUEST, this.#used);
    at = chunk.writeUInt32LE(record.index, at);
    for (const ns of [record.dueNs, record.sentNs, record.connectNs, record.firstByteNs, record.endNs]) {
      at = chunk.writeDoubleLE(ns ?? Number.NaN, at);
    }
    at = chunk.writeUInt16LE(record.status ?? 0, at);
    for (const id of ids) at = chunk.writeUInt16LE(id, at);
    this.#used = chunk.writeUInt8(record.isReused ? 1 : 0, at);
  }

  /** Resolves when everything is on disk, with why the log is incomplete, or undefined. */
  async close(): Promise<string | undefined> {
    if (this.#failure === undefined) {
      this.#flush();
      await new Promise<void>((resolve) => {
        this.#stream.end((error?: Error | null) => {
          // It comes before the `error` event, and is the only word of a failure in the last chunk.
          if (error) this.#giveUp(messageOf(error));
          resolve();
        });
      });
    }
    return this.#failure;
  }

  #intern(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    if (this.#ids.size >= STRINGS_MAX) return this.#ids.get(OVERFLOW)!;
    const bytes = cutUtf8(text);
    const chunk = this.#reserve(2 + bytes.length);
    chunk.writeUInt8(STRING, this.#used);
    chunk.writeUInt8(bytes.length, this.#used + 1);
    this.#used += 2 + bytes.copy(chunk, this.#used + 2);
    const id = this.#ids.size + 1;
    this.#ids.set(text, id);
    return id;
  }

  #reserve(bytes: number): Buffer {
    if (this.#used + bytes > CHUNK_BYTES) this.#flush();
    return this.#chunk;
  }

  #flush(): void {
    if (this.#stream.writableLength > BUFFERED_BYTES_MAX) this.#giveUp("the disk is too slow");
    const chunk = this.#chunk;
    if (this.#failure === undefined) {
      this.#stream.write(chunk.subarray(0, this.#used), () => this.#spare.push(chunk));
      this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    }
    this.#used = 0;
  }

  #giveUp(reason: string): void {
    this.#failure ??= reason;
    this.#stream.destroy();
  }
}

/** Records in the order in which the requests ended. */
export async function readRequestLog(file: string): Promise<RequestRecord[]> {
  const bytes = await readFile(file);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new UserError("LOG_FORMAT", `${file} is no request log of this version`, {
      hint: "the log is the file named by `logFile` of a load run",
    });
  }
  return decode(bytes, file);
}

function decode(bytes: Buffer, file: string): RequestRecord[] {
  const records: RequestRecord[] = [];
  const strings: string[] = [];
  let at = MAGIC.length;
  while (at < bytes.length) {
    const tag = bytes[at]!;
    const size = tag === REQUEST ? REQUEST_BYTES : 2 + (bytes[at + 1] ?? 0);
    if (at + size > bytes.length || (tag === STRING && at + 1 >= bytes.length)) break; // Cut off.
    if (tag === STRING) strings.push(bytes.toString("utf8", at + 2, at + size));
    else if (tag === REQUEST) records.push(decodeRequest(bytes, at + 1, strings));
    else throw new UserError("LOG_FORMAT", `${file}: byte ${at} is no start of an entry (${tag})`);
    at += size;
  }
  return records;
}

function decodeRequest(bytes: Buffer, start: number, strings: readonly string[]): RequestRecord {
  const ns = (place: number): number | null => {
    const value = bytes.readDoubleLE(start + 4 + place * 8);
    return Number.isNaN(value) ? null : value;
  };
  const text = (place: number): string | null =>
    strings[bytes.readUInt16LE(start + 46 + place * 2) - 1] ?? null;
  return {
    index: bytes.readUInt32LE(start),
    dueNs: ns(0) ?? 0,
    sentNs: ns(1),
    connectNs: ns(2),
    firstByteNs: ns(3),
    endNs: ns(4),
    status: bytes.readUInt16LE(start + 44) || null,
    error: text(0),
    node: text(1),
    site: text(2),
    cohort: text(3) ?? OVERFLOW,
    vantage: text(4) ?? OVERFLOW,
    method: text(5) ?? OVERFLOW,
    isReused: bytes[start + 58] === 1,
  };
}

/** At most `STRING_BYTES_MAX` bytes, cut between characters. */
function cutUtf8(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= STRING_BYTES_MAX) return bytes;
  let end = STRING_BYTES_MAX;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
