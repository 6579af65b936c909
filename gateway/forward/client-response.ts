/** As the client has it. */
export interface GivenAnswer {
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
}

/** What an exchange needs of the answer to its client: node:http's own, or somebody who looks at it on its way. */
export interface ClientResponse {
  writeHead(status: number, fields: string[]): unknown;
  writeHead(status: number, reason: string, fields: string[]): unknown;
  /** null: another answer on its connection goes first. */
  readonly socket: unknown;
  /** An interim response, with a socket only. Throws if that is not to be written. Node has it since 24.18. */
  writeInformation?(status: number, fields: string[]): unknown;
  /** False: wait for `drain`. */
  write(chunk: Buffer): boolean;
  end(body?: string | Buffer): unknown;
  flushHeaders(): void;
  addTrailers(trailers: [string, string][]): void;
  /** No node has answered. Another answer is given now, if there is one. */
  answerInstead?(): GivenAnswer | undefined;
  /** What the client has been given, whole, in place of the node's answer: what becomes of that is nothing to it. */
  readonly givenInstead?: GivenAnswer | undefined;
  once(event: "drain" | "close", listener: () => void): unknown;
}
