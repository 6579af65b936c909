/** Exactly so many of each hundred, spread evenly (Bresenham's line): a share that a few requests show as well as many. */
export class Share {
  readonly #percent: number;
  #owed = 0;

  /** 1 to 100. */
  constructor(percent: number) {
    this.#percent = percent;
  }

  /** The next one belongs to the share. */
  takes(): boolean {
    this.#owed += this.#percent;
    if (this.#owed < 100) return false;
    this.#owed -= 100;
    return true;
  }
}
