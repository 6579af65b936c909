/**
 * Just enough of HTTP/1.1 to measure with: when the head is complete, who answered, and when the body is complete.
 * Bodies are counted, not kept. Anything that is no HTTP is an error, not a guess.
 */
const HEAD_BYTES_MAX = 64 * 1024;
const CRLF = "\r\n";

export interface AnswerHead {
  readonly status: number;
  readonly node: string | null;
  readonly site: string | null;
}

type Body =
  | { readonly is: "counted"; left: number }
  | { readonly is: "chunked"; left: number; at: "size" | "data" | "data-end" | "trailer"; line: string }
  | { readonly is: "until-close" };

export class ResponseParser {
  head: AnswerHead | undefined;
  isComplete = false;
  /** The connection may carry another request. */
  keepsAlive = true;
  error: string | undefined;
  readonly #isBodyless: boolean;
  #pending = "";
  #body: Body | undefined;

  /** `method` decides whether a body can follow. */
  constructor(method: string) {
    this.#isBodyless = method === "HEAD";
  }

  push(chunk: Buffer): void {
    if (this.error !== undefined) return;
    let rest = chunk;
    while (this.#body === undefined) {
      const left = this.#readHead(rest);
      if (left === undefined) return;
      rest = left;
      if (this.isComplete) break;
    }
    if (this.isComplete) {
      if (rest.length > 0) this.error = "surplus";
      return;
    }
    this.#readBody(rest);
  }

  /** The other side has closed: complete only where the close is the end. */
  end(): void {
    if (this.#body?.is === "until-close") this.isComplete = true;
  }

  /** What is behind the head; undefined while the head is not complete. */
  #readHead(chunk: Buffer): Buffer | undefined {
    const before = this.#pending.length;
    const text = this.#pending + chunk.toString("latin1");
    const end = text.indexOf(CRLF + CRLF);
    if (end === -1) {
      this.#pending = text;
      if (text.length > HEAD_BYTES_MAX) this.error = "head-too-large";
      return undefined;
    }
    this.#pending = "";
    const rest = chunk.subarray(end + 4 - before);
    this.#interpret(text.slice(0, end));
    return this.error === undefined ? rest : undefined;
  }

  #interpret(head: string): void {
    const [statusLine = "", ...lines] = head.split(CRLF);
    const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(statusLine);
    if (match === null) {
      this.error = "no-http";
      return;
    }
    const status = Number(match[2]);
    if (status < 200) return; // 1xx: the head that counts follows.
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    this.head = { status, node: fields.get("x-edge-node") ?? null, site: fields.get("x-edge-route") ?? null };
    const connection = (fields.get("connection") ?? "").toLowerCase();
    this.keepsAlive = match[1] === "1" ? connection !== "close" : connection === "keep-alive";
    this.#body = this.#bodyOf(status, fields);
    if (this.#body.is === "counted" && this.#body.left === 0) this.isComplete = true;
  }

  #bodyOf(status: number, fields: ReadonlyMap<string, string>): Body {
    if (this.#isBodyless || status === 204 || status === 304) return { is: "counted", left: 0 };
    if (fields.get("transfer-encoding")?.toLowerCase() === "chunked") {
      return { is: "chunked", left: 0, at: "size", line: "" };
    }
    const length = fields.get("content-length");
    if (length === undefined) {
      this.keepsAlive = false;
      return { is: "until-close" };
    }
    if (!/^\d{1,15}$/.test(length)) this.error = "bad-length";
    return { is: "counted", left: Number(length) };
  }

  #readBody(chunk: Buffer): void {
    const body = this.#body!;
    if (body.is === "until-close") return;
    if (body.is === "chunked") return this.#readChunks(chunk, body);
    body.left -= chunk.length;
    if (body.left < 0) this.error = "surplus";
    if (body.left <= 0) this.isComplete = true;
  }

  #readChunks(chunk: Buffer, body: Extract<Body, { is: "chunked" }>): void {
    let offset = 0;
    while (offset < chunk.length && this.error === undefined) {
      if (this.isComplete) {
        this.error = "surplus";
        return;
      }
      if (body.at === "data") {
        const taken = Math.min(body.left, chunk.length - offset);
        offset += taken;
        body.left -= taken;
        if (body.left === 0) body.at = "data-end";
        continue;
      }
      const newline = chunk.indexOf(0x0a, offset);
      const end = newline === -1 ? chunk.length : newline + 1;
      body.line += chunk.toString("latin1", offset, end);
      offset = end;
      if (newline === -1) return;
      this.#chunkLine(body);
    }
  }

  #chunkLine(body: Extract<Body, { is: "chunked" }>): void {
    const line = body.line.trimEnd();
    body.line = "";
    if (body.at === "data-end") {
      if (line !== "") this.error = "bad-chunk";
      body.at = "size";
    } else if (body.at === "trailer") {
      if (line === "") this.isComplete = true;
    } else {
      const match = /^([0-9a-fA-F]{1,8})(?:;|$)/.exec(line);
      if (match === null) {
        this.error = "bad-chunk";
        return;
      }
      body.left = Number.parseInt(match[1]!, 16);
      body.at = body.left === 0 ? "trailer" : "data";
    }
  }
}
