/** A page as the hub sees it: a response whose reader takes what is asked for by `read`. */
import type { ServerResponse } from "node:http";
import { PassThrough } from "node:stream";

export interface SentEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly value: unknown;
}

export class PageReader extends PassThrough {
  constructor(highWaterMark = 1024 * 1024) {
    super({ highWaterMark });
  }

  writeHead(): this {
    return this;
  }

  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  events(): SentEvent[] {
    const bytes = this.read() as Buffer | null;
    return bytes === null ? [] : parseEvents(bytes.toString("utf8"));
  }
}

/** As a browser reads `text/event-stream`, of what we send. */
export function parseEvents(text: string): SentEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block.includes("data: "))
    .map((block) => {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      return {
        name: fields.get("event") ?? "message",
        id: fields.get("id"),
        value: JSON.parse(fields.get("data")!) as unknown,
      };
    });
}
