/** In the client's place for a request that may change something: what was kept of it is forgotten (RFC 9111 §4.4). */
import type { ClientResponse } from "../forward/client-response.ts";

export class Forgetting implements ClientResponse {
  readonly #response: ClientResponse;
  readonly #forget: () => void;

  constructor(response: ClientResponse, forget: () => void) {
    this.#response = response;
    this.#forget = forget;
  }

  writeHead(status: number, reasonOrFields: string | string[], maybeFields?: string[]): void {
    if (status >= 200 && status < 400) this.#forget();
    if (typeof reasonOrFields === "string") this.#response.writeHead(status, reasonOrFields, maybeFields!);
    else this.#response.writeHead(status, reasonOrFields);
  }

  get socket(): unknown {
    return this.#response.socket;
  }

  writeInformation(status: number, fields: string[]): void {
    this.#response.writeInformation?.(status, fields);
  }

  write(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }

  end(body?: string | Buffer): void {
    this.#response.end(body);
  }

  flushHeaders(): void {
    this.#response.flushHeaders();
  }

  addTrailers(trailers: [string, string][]): void {
    this.#response.addTrailers(trailers);
  }

  once(event: "drain" | "close", listener: () => void): void {
    this.#response.once(event, listener);
  }
}
