/** One way to misbehave, one file each. It lasts from its making until `end`. */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface Bad {
  /** A request for anything but health; `serve` answers it as ever. Absent: answers are as ever. */
  meet?(request: IncomingMessage, response: ServerResponse, serve: () => void): void;
  /** Everything is as it was when this resolves. */
  end(): Promise<void>;
}
