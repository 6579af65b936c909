/** The first byte of a share of the bodies is another one: what no status, length or field shows. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Bad } from "./bad.ts";
import { Share } from "./share.ts";

type Write = (chunk: unknown, ...rest: unknown[]) => unknown;

export class CorruptBody implements Bad {
  readonly #share: Share;

  constructor(percent: number) {
    this.#share = new Share(percent);
  }

  meet(_request: IncomingMessage, response: ServerResponse, serve: () => void): void {
    if (this.#share.takes()) spoilFirst(response);
    serve();
  }

  async end(): Promise<void> {}
}

function spoilFirst(response: ServerResponse): void {
  let isSpoilt = false;
  const spoiling =
    (write: Write): Write =>
    (chunk, ...rest) => {
      if (isSpoilt || (typeof chunk !== "string" && !Buffer.isBuffer(chunk))) return write(chunk, ...rest);
      // A copy: bodies are shared between answers.
      const spoilt = Buffer.from(chunk as Buffer);
      if (spoilt.length === 0) return write(chunk, ...rest);
      isSpoilt = true;
      spoilt[0]! ^= 0xff;
      return write(spoilt, ...rest);
    };
  const plain = response as unknown as { write: Write; end: Write };
  plain.write = spoiling(plain.write.bind(response));
  plain.end = spoiling(plain.end.bind(response));
}
