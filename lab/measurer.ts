/**
 * Measuring on behalf of the page. The lab starts and breaks things and may not know how to measure; whoever composes a
 * demo hands it somebody who does (`Lab.useMeasurer`), and the page's orders are passed on.
 */
export interface Measurer {
  /** A speed test from all cities, reported to the journal. Resolves when it is over; refuses a second one beside it. */
  test(): Promise<void>;
  /** Load from all cities, reported to the journal, until it is told to end. A running one is replaced. */
  startLoad(rate: number): Promise<void>;
  /** Resolves when what was on its way has been answered. */
  stopLoad(): Promise<void>;
}
