/** What a node does wrong just now: one thing, or nothing. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Misbehaviour } from "#core/wire/misbehaviour.ts";
import type { Bad } from "./bad.ts";
import { Burden } from "./burden.ts";
import { CorruptBody } from "./corrupt-body.ts";
import { HttpError } from "./http-error.ts";
import { SlowAnswer } from "./slow-answer.ts";

export class Misbehaving {
  #bad: Bad | undefined;
  #turn: Promise<void> = Promise.resolve();

  get isWell(): boolean {
    return this.#bad === undefined;
  }

  /** null: nothing any more. Resolves when it is so; orders are carried out one after the other. */
  become(as: Misbehaviour | null): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const before = this.#bad;
      this.#bad = as === null ? undefined : badOf(as);
      await before?.end();
    });
    return this.#turn;
  }

  meet(request: IncomingMessage, response: ServerResponse, serve: () => void): void {
    if (this.#bad?.meet === undefined) serve();
    else this.#bad.meet(request, response, serve);
  }
}

function badOf(as: Misbehaviour): Bad {
  switch (as.kind) {
    case "http_error":
      return new HttpError(as.percent, as.status);
    case "corrupt_body":
      return new CorruptBody(as.percent);
    case "slow_answer":
      return new SlowAnswer(as.percent, as.delayMs);
    case "cpu":
    case "memory":
      return new Burden(as);
  }
}
