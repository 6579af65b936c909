/**
 * What the line promises: nobody begins beyond the limit, the limit stays within its bounds, nobody stands longer than the line
 * allows or than there is time for, and each refusal is what it says: full when it is full, late before anything was waited.
 */
import type { WaitingLine } from "#gateway/admission/waiting-line.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import type { LineRefusal, WaitingRequest } from "#gateway/listener/waiting-request.ts";
import type { Violate } from "./violate.ts";

export class LineRule {
  readonly #config: GatewayConfig;
  readonly #line: WaitingLine<WaitingRequest> | undefined;
  readonly #lateMs: number;
  readonly #violate: Violate;

  /** `lateMs`: deadlines are seen so late at most. */
  constructor(
    config: GatewayConfig,
    line: WaitingLine<WaitingRequest> | undefined,
    lateMs: number,
    violate: Violate,
  ) {
    this.#config = config;
    this.#line = line;
    this.#lateMs = lateMs;
    this.#violate = violate;
  }

  /** One has just begun, after so long; `open`: requests that have begun and not ended. */
  began(id: string, waitedMs: number, open: number): void {
    const line = this.#line;
    if (line === undefined) return;
    this.#demandWait(id, waitedMs);
    if (open > line.limit.limit)
      this.#violate(`with ${id} ${open} requests are under way: ${line.limit.limit} may be`);
  }

  refused(id: string, why: LineRefusal, waitedMs: number): void {
    const { active, limit, waiting } = this.#line!;
    this.#demandWait(id, waitedMs);
    if (active < limit.limit)
      this.#violate(`${id} is refused, and ${active} of ${limit.limit} requests are under way`);
    if (why === "full" && waiting < this.#config.admission.waitingMax)
      this.#violate(`${id} finds a line of ${waiting} full`);
    if ((why === "full" || why === "late") && waitedMs > 0)
      this.#violate(`${id} is told after ${waitedMs} ms that it is ${why}`);
  }

  look(): void {
    if (this.#line === undefined) return;
    const { active, waiting } = this.#line;
    const { limit } = this.#line.limit;
    const { activeMax, adaptive } = this.#config.admission;
    const [least, most] =
      adaptive.algorithm === "off" ? [activeMax, activeMax] : [adaptive.activeMin, adaptive.activeMax];
    if (limit < least || limit > most) this.#violate(`the limit is ${limit}, not in ${least}..${most}`);
    if (waiting > 0 && active < limit)
      this.#violate(`${waiting} requests wait, and ${active} of ${limit} are under way`);
  }

  #demandWait(id: string, waitedMs: number): void {
    const { admission, retry } = this.#config;
    if (waitedMs > Math.min(admission.waitTimeoutMs, retry.totalTimeoutMs) + this.#lateMs)
      this.#violate(`${id} stood in line for ${waitedMs} ms`);
  }
}
