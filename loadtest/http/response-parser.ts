/**
 * Reads one HTTP/1.1 response after another off a client's connection (RFC 9112): where each ends, its status, and the
 * few fields a measurement needs. The body is counted, never kept.
 *
 *   head -> length | chunk-size -> chunk-data -> chunk-end -> ... -> trailer | until-close -> complete
 *
 * Strict where laxness would hide a fault of the server: bare LF, conflicting lengths and bad chunk sizes are
 * `broken`. Left out: upgrades, content codings, and more than one request on the way at a time.
 */
const HEAD_BYTES_MAX = 32 * 1024;
/** A chunk's size with its extensions, or one trailer field. */
const LINE_BYTES_MAX = 4 * 1024;
const TRAILER_LINES_MAX = 100;
const HEAD_END = Buffer.from("\r\n\r\n");
const LF = 0x0a;

type Phase =
  | "head"
  | "length"
  | "chunk-size"
  | "chunk-data"
  | "chunk-end"
  | "trailer"
  | "until-close"
  | "complete"
  | "broken";

export class ResponseParser {
  /** 0 until the head of the final response is complete. */
  status = 0;
  /** `x-edge-route`. */
  site: string | null = null;
  /** `x-edge-node`. */
  node: string | null = null;
  /** Status line and fields of the final response as they came, without the empty line; null before they are whole. */
  head: string | null = null;
  /** The server lets the connection be used again. Meaningful once complete. */
  isKeepAlive = false;
  /** How long the server keeps an idle connection by its `keep-alive: timeout=`, if it says so. */
  keepAliveMs: number | null = null;
  /** Bytes came after the end of the response: nobody asked for them, so the connection must not be used again. */
  hasExcess = false;

  #phase: Phase = "head";
  #isHead = false;
  #pending: Buffer = Buffer.alloc(0);
  #remaining = 0;
  #trailerLines = 0;

  get isComplete(): boolean {
    return this.#phase === "complete";
  }

  get isBroken(): boolean {
    return this.#phase === "broken";
  }

  /** `isHead`: the request was HEAD, so that no body follows whatever the fields say. */
  begin(isHead: boolean): void {
    this.status = 0;
    this.site = null;
    this.node = null;
    this.head = null;
    this.isKeepAlive = false;
    this.keepAliveMs = null;
    this.hasExcess = false;
    this.#isHead = isHead;
    this.#pending = Buffer.alloc(0);
    this.#phase = "head";
    this.#trailerLines = 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#phase !== "complete" && this.#phase !== "broken") {
      at = this.#step(chunk, at);
    }
    if (at < chunk.length) this.hasExcess = true;
  }

  /** The server has closed its side: the end of a body that had no other. */
  close(): void {
    if (this.#phase === "until-close") this.#phase = "complete";
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#phase) {
      case "head":
        return this.#readHead(chunk, at);
      case "length":
      case "chunk-data":
        return this.#skipBody(chunk, at);
      case "until-close":
        return chunk.length;
      default:
        return this.#readLine(chunk, at);
    }
  }

  #readHead(chunk: Buffer, at: number): number {
    const had = this.#pending.length;
    const fresh = chunk.subarray(at);
    const bytes = had === 0 ? fresh : Buffer.concat([this.#pending, fresh]);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0 || end > HEAD_BYTES_MAX) {
      if (bytes.length > HEAD_BYTES_MAX) this.#phase = "broken";
      this.#pending = bytes;
      return chunk.length;
    }
    this.#pending = Buffer.alloc(0);
    this.#parseHead(bytes.toString("latin1", 0, end));
    return at + end + HEAD_END.length - had;
  }

  #parseHead(text: string): void {
    const lines = text.split("\r\n");
    const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(lines[0]!);
    if (statusLine === null) return this.#break();
    const status = Number(statusLine[2]);
    if (status === 101) return this.#break(); // Nobody asked for an upgrade.
    if (status < 200) return; // An interim response: the final one follows.
    const fields = readFields(lines);
    if (fields === undefined) return this.#break();
    this.status = status;
    this.head = text;
    this.site = fields.site;
    this.node = fields.node;
    this.keepAliveMs = fields.keepAliveMs;
    const isPersistent =
      statusLine[1] === "1" ? !/\bclose\b/.test(fields.connection) : /\bkeep-alive\b/.test(fields.connection);
    this.isKeepAlive = isPersistent;
    this.#phase = this.#bodyPhase(status, fields);
  }

  #bodyPhase(status: number, fields: Fields): Phase {
    if (this.#isHead || status === 204 || status === 304) return "complete";
    if (fields.isChunked) {
      // Length and chunks together are how requests get smuggled (RFC 9112 section 6.3): read it, then part.
      if (fields.length !== null) this.isKeepAlive = false;
      return "chunk-size";
    }
    if (fields.length === null || fields.isOddlyCoded) {
      this.isKeepAlive = false;
      return "until-close";
    }
    this.#remaining = fields.length;
    return fields.length === 0 ? "complete" : "length";
  }

  #skipBody(chunk: Buffer, at: number): number {
    const taken = Math.min(this.#remaining, chunk.length - at);
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#phase = this.#phase === "length" ? "complete" : "chunk-end";
    return at + taken;
  }

  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    const stop = end < 0 ? chunk.length : end + 1;
    const part = chunk.subarray(at, stop);
    const bytes = this.#pending.length === 0 ? part : Buffer.concat([this.#pending, part]);
    if (bytes.length > LINE_BYTES_MAX) {
      this.#break();
      return stop;
    }
    this.#pending = end < 0 ? bytes : Buffer.alloc(0);
    if (end >= 0) this.#parseLine(bytes.toString("latin1"));
    return stop;
  }

  #parseLine(line: string): void {
    if (!line.endsWith("\r\n")) return this.#break();
    const text = line.slice(0, -2);
    if (this.#phase === "chunk-size") return this.#parseChunkSize(text);
    if (this.#phase === "chunk-end") {
      this.#phase = text === "" ? "chunk-size" : "broken";
      return;
    }
    this.#trailerLines += 1;
    if (text === "") this.#phase = "complete";
    else if (this.#trailerLines > TRAILER_LINES_MAX) this.#break();
  }

  #parseChunkSize(text: string): void {
    const match = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(text);
    if (match === null) return this.#break();
    this.#remaining = Number.parseInt(match[1]!, 16);
    this.#phase = this.#remaining === 0 ? "trailer" : "chunk-data";
  }

  #break(): void {
    this.#phase = "broken";
  }
}

interface Fields {
  length: number | null;
  isChunked: boolean;
  /** A transfer coding that does not end in `chunked`: the body ends with the connection. */
  isOddlyCoded: boolean;
  connection: string;
  keepAliveMs: number | null;
  site: string | null;
  node: string | null;
}

/** Undefined when the fields do not say where the body ends. */
function readFields(lines: readonly string[]): Fields | undefined {
  const fields: Fields = {
    length: null,
    isChunked: false,
    isOddlyCoded: false,
    connection: "",
    keepAliveMs: null,
    site: null,
    node: null,
  };
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]!;
    const colon = line.indexOf(":");
    if (colon <= 0) return undefined;
    const value = line.slice(colon + 1).trim();
    if (!readField(fields, line.slice(0, colon).toLowerCase(), value)) return undefined;
  }
  return fields;
}

function readField(fields: Fields, name: string, value: string): boolean {
  switch (name) {
    case "content-length": {
      if (!/^\d{1,15}$/.test(value)) return false;
      const length = Number(value);
      if (fields.length !== null && fields.length !== length) return false;
      fields.length = length;
      return true;
    }
    case "transfer-encoding":
      fields.isChunked = /(?:^|[ ,])chunked$/i.test(value);
      fields.isOddlyCoded = !fields.isChunked;
      return true;
    case "connection":
      fields.connection += ` ${value.toLowerCase()}`;
      return true;
    case "keep-alive": {
      const seconds = /\btimeout=(\d{1,6})\b/i.exec(value);
      fields.keepAliveMs = seconds === null ? null : Number(seconds[1]) * 1000;
      return true;
    }
    case "x-edge-route":
      fields.site = value;
      return true;
    case "x-edge-node":
      fields.node = value;
      return true;
    default:
      return true;
  }
}
