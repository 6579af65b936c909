/** A share of the requests gets an error instead of an answer: a bad release, a full pool, a failed dependency. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Bad } from "./bad.ts";
import { Share } from "./share.ts";

export class HttpError implements Bad {
  readonly #share: Share;
  readonly #status: number;

  constructor(percent: number, status: number) {
    this.#share = new Share(percent);
    this.#status = status;
  }

  meet(request: IncomingMessage, response: ServerResponse, serve: () => void): void {
    if (!this.#share.takes()) return serve();
    request.resume();
    const body = `${this.#status} as ordered\n`;
    response.writeHead(this.#status, { "content-type": "text/plain", "content-length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async end(): Promise<void> {}
}
