/** The less loaded of two nodes drawn by chance, by (active + 1) / weight. */
import { TwoChoices } from "./two-choices.ts";

export class PowerOfTwo extends TwoChoices {
  protected override cost(slot: number): number {
    return this.actives[slot]! + 1;
  }
}
