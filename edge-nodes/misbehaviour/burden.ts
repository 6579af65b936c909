/**
 * Load on the node's process, on a thread of its own that has the load's name: whoever looks at the process from outside sees
 * the thread, and with the thread its memory is given back at once.
 */
import { Worker } from "node:worker_threads";
import { fileURLToPath } from "node:url";
import { BURDEN_THREADS } from "#core/wire/misbehaviour.ts";
import type { Bad } from "./bad.ts";

const ENTRY = fileURLToPath(new URL("burden-thread.ts", import.meta.url));

export type BurdenOrder =
  | { readonly kind: "cpu"; readonly percent: number }
  | { readonly kind: "memory"; readonly bytes: number };

export class Burden implements Bad {
  readonly #thread: Worker;

  constructor(order: BurdenOrder) {
    this.#thread = new Worker(ENTRY, { workerData: order, name: BURDEN_THREADS[order.kind] });
    // Too much was asked for: there is no burden then, and whoever looks for it will see that.
    this.#thread.on("error", () => undefined);
  }

  async end(): Promise<void> {
    await this.#thread.terminate();
  }
}
