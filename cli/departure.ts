/**
 * Leaving on Ctrl-C, SIGTERM or a closed terminal: the first time gently with a count-down, the second time at once.
 *
 *   first signal -> drain (count-down) -> status        second signal -> now -> status
 *
 * A terminal sends Ctrl-C to the whole process group and npm and the launcher pass it on as well: what comes within
 * `ECHO_MS` of the first is the same Ctrl-C.
 */
import { EXIT } from "#core/errors.ts";
import { every, nowMs } from "#core/host/clock.ts";
import { isCursorFree } from "./output.ts";

const ECHO_MS = 300;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** 128 + the number of SIGHUP. */
const EXIT_HANGUP = 129;

export type Reason = "SIGINT" | "SIGTERM" | "SIGHUP" | "quit" | "handover";

const STATUS_OF: Readonly<Record<Reason, number>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT_HANGUP,
  quit: EXIT.ok,
  handover: EXIT.ok,
};

const WHY: Readonly<Record<Reason, string>> = {
  SIGINT: "Ctrl-C",
  SIGTERM: "SIGTERM",
  SIGHUP: "the terminal has gone",
  quit: "quit",
  handover: "a successor has taken over",
};

export interface DepartureOptions {
  /** Resolves when all is closed. Bounded by `drainMs`. */
  readonly drain: (why: string) => Promise<void>;
  readonly now: (why: string) => Promise<void>;
  /** What the drain may take, for the count-down. */
  readonly drainMs: number;
  /** Where its words go; absent: standard error, with a count-down in a terminal. */
  readonly tell?: (text: string) => void;
  /** Called first, with the terminal still in whatever state it was put into. */
  readonly begin?: () => void;
}

export class Departure {
  /** Resolves with the status to end with. */
  readonly done: Promise<number>;
  readonly #options: DepartureOptions;
  readonly #resolve: (status: number) => void;
  readonly #reject: (error: unknown) => void;
  #startedMs: number | undefined;

  constructor(options: DepartureOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** This signal means something else from now on. */
  leaveOut(signal: (typeof SIGNALS)[number], instead: () => void): void {
    process.off(signal, this.#onSignal);
    process.on(signal, instead);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => this.ask(signal as (typeof SIGNALS)[number]);

  get hasBegun(): boolean {
    return this.#startedMs !== undefined;
  }

  ask(reason: Reason): void {
    if (this.#startedMs === undefined) {
      this.#startedMs = nowMs();
      this.#leave(reason, this.#drain(reason));
    } else if (nowMs() - this.#startedMs >= ECHO_MS) {
      (this.#options.tell ?? toStderr)("stopping now");
      this.#leave(reason, this.#options.now(`${WHY[reason]} twice`));
    }
  }

  /** The end came from elsewhere. */
  end(status: number): void {
    this.#resolve(status);
  }

  #leave(reason: Reason, gone: Promise<void>): void {
    gone.then(() => this.#resolve(STATUS_OF[reason]), this.#reject);
  }

  async #drain(reason: Reason): Promise<void> {
    this.#options.begin?.();
    const { drainMs, tell } = this.#options;
    tell?.(`${WHY[reason]}: stopping, at most ${Math.ceil(drainMs / 1000)} s`);
    const countDown = tell === undefined ? startCountDown(drainMs) : { end: () => undefined };
    try {
      await this.#options.drain(WHY[reason]);
    } finally {
      countDown.end();
    }
  }
}

function toStderr(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** One line that counts in a terminal; elsewhere one line that does not. */
function startCountDown(drainMs: number): { end(): void } {
  const { stderr } = process;
  const isLive = isCursorFree(stderr);
  let leftS = Math.ceil(drainMs / 1000);
  const show = (): void => {
    const line = `stopping, at most ${leftS} s (Ctrl-C again: now)`;
    stderr.write(isLive ? `\r${line}\u001b[K` : `${line}\n`);
  };
  show();
  const timer = every(
    1000,
    () => {
      leftS = Math.max(0, leftS - 1);
      if (isLive) show();
    },
    { unref: true },
  );
  return {
    end: () => {
      timer.cancel();
      if (isLive) stderr.write("\r\u001b[K");
    },
  };
}
