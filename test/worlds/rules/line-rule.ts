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

  /** One has just begun, after so long; `open`: requests that have begun and not ended, `silent`: those of them without a head. */
  began(id: string, waitedMs: number, open: number, silent: number): void {
    const line = this.#line;
    if (line === undefined) return;
    this.#demandWait(id, waitedMs);
    if (open > line.activeMax)
      this.#violate(`with ${id} ${open} requests are under way: ${line.activeMax} may be`);
    const { limit = Infinity } = line.limit ?? {};
    if (silent > limit) this.#violate(`with ${id} ${silent} requests have no head: ${limit} may be so`);
  }

  refused(id: string, why: LineRefusal, waitedMs: number): void {
    const { active, awaiting, isOpen, waiting } = this.#line!;
    this.#demandWait(id, waitedMs);
    if (isOpen) this.#violate(`${id} is refused, with ${active} under way and ${awaiting} without a head`);
    if (why === "full" && waiting < this.#config.admission.waitingMax)
      this.#violate(`${id} finds a line of ${waiting} full`);
    if ((why === "full" || why === "late") && waitedMs > 0)
      this.#violate(`${id} is told after ${waitedMs} ms that it is ${why}`);
  }

  look(): void {
    if (this.#line === undefined) return;
    const { active, awaiting, isOpen, limit, waiting } = this.#line;
    if (waiting > 0 && isOpen)
      this.#violate(`${waiting} wait, with ${active} under way and ${awaiting} without a head`);
    if (limit === undefined) return;
    const { activeMax, activeMin } = this.#config.admission.adaptive;
    if (limit.limit < activeMin || limit.limit > activeMax)
      this.#violate(`the limit is ${limit.limit}, not in ${activeMin}..${activeMax}`);
  }

  #demandWait(id: string, waitedMs: number): void {
    const { admission, retry } = this.#config;
    if (waitedMs > Math.min(admission.waitTimeoutMs, retry.totalTimeoutMs) + this.#lateMs)
      this.#violate(`${id} stood in line for ${waitedMs} ms`);
  }
}
