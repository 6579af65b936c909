/** A page filmed picture by picture, with pauses that the film does not show. */
import type { Page } from "playwright-core";
import type { Frame } from "./animation.ts";

const FRAME_GAP_MS = 120;

/** Takes pictures, one after the other, while it runs; the pauses between are cut out. */
export class Film {
  readonly frames: Frame[] = [];
  readonly #page: Page;
  #running: Promise<void> | undefined;
  #isStopping = false;
  /** Time of the film, without its pauses. */
  #elapsedMs = 0;

  constructor(page: Page) {
    this.#page = page;
  }

  resume(): void {
    this.#isStopping = false;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const startMs = performance.now() - this.#elapsedMs;
    while (!this.#isStopping) {
      const atMs = performance.now() - startMs;
      const png = await this.#page.screenshot();
      this.frames.push({ png, atMs });
      this.#elapsedMs = performance.now() - startMs;
      const restMs = Math.max(0, FRAME_GAP_MS - (this.#elapsedMs - atMs));
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }
}
