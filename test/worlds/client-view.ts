/** What a client sees of one request, and what the nodes see of it. */
import { isIdempotent } from "#gateway/resilience/failure-class.ts";
import type { LineRefusal } from "#gateway/listener/waiting-request.ts";
import { bodyOf, type VirtualNode } from "./virtual-node.ts";
import type { ClientRequest } from "./world.ts";

export class ClientView {
  readonly asked: ClientRequest;
  readonly id: string;
  readonly path: string;
  readonly tried: VirtualNode[] = [];
  /** Numbers of the subsets of nodes that it may be given to; undefined: to all. */
  subsets: readonly number[] | undefined;
  executions = 0;
  status = 0;
  failure: string | undefined;
  headMs: number | undefined;
  /** When it last got something. */
  grownMs = 0;
  bytes: Buffer[] = [];
  /** It was at a node that had other bodies than the rest. */
  sawUpdated = false;
  endedMs: number | undefined;
  wasReset = false;
  hasLeft = false;
  /** It came to the line and was not let in. */
  wasTurnedAway: LineRefusal | undefined;
  /** Of the budget for retries, at its very end. */
  wasRefused = false;
  /** How often its body was gone on with. */
  resumeCount = 0;
  /** Attempts since then, or since its beginning. */
  attemptCount = 0;
  #bytesBefore = 0;

  constructor(asked: ClientRequest, ordinal: number) {
    this.asked = asked;
    this.id = `r${ordinal}`;
    this.path = `/${ordinal % 7}`;
  }

  get isRepeatable(): boolean {
    return isIdempotent(this.asked.method) || this.asked.hasKey;
  }

  get isWhole(): boolean {
    const bytes = Buffer.concat(this.bytes);
    const isOneBody = bytes.equals(bodyOf(this.path, false)) || bytes.equals(bodyOf(this.path, true));
    return this.status === 200 && !this.wasReset && isOneBody;
  }

  /** A node is asked. With more of the body here than at the last attempt it is gone on with: each time brings it further. */
  attempted(node: VirtualNode): void {
    const bytesNow = this.bytes.reduce((sum, { length }) => sum + length, 0);
    if (bytesNow > this.#bytesBefore) {
      this.resumeCount += 1;
      this.attemptCount = 0;
    }
    this.#bytesBefore = bytesNow;
    this.attemptCount += 1;
    this.tried.push(node);
    this.sawUpdated ||= node.state === "updated";
  }
}
