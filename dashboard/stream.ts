/**
 * The page's line to its lab: server-sent events, opened again whenever it breaks or falls silent, from where it was.
 * The browser's own reconnection is not used: it gives up for good on an answer that is no stream, and cannot notice
 * silence.
 */
import type { JournalEvent } from "../core/wire/events.ts";
import type { PageSnapshot, PageStatus } from "../core/wire/page.ts";
import type { ReplayOpening } from "../core/wire/replay.ts";

const RETRY_MS = 500;
/** Three beats. */
const SILENT_MS_MAX = 6_000;
const LOOK_MS = 1_000;

export interface StreamHandlers {
  readonly onSnapshot: (snapshot: PageSnapshot) => void;
  readonly onEvent: (event: JournalEvent) => void;
  readonly onStatus: (status: PageStatus) => void;
  /** The server has no lab but a recording. */
  readonly onReplay: (opening: ReplayOpening) => void;
  readonly onLink: (link: "live" | "lost") => void;
}

export class LabStream {
  readonly #handlers: StreamHandlers;
  #source: EventSource | undefined;
  #lastId = "";
  #heardMs = 0;

  constructor(handlers: StreamHandlers) {
    this.#handlers = handlers;
    this.#open();
    setInterval(() => this.#look(), LOOK_MS);
  }

  /** Opens it anew, as if for the first time: who may act is told in the first message. */
  restart(): void {
    this.#lastId = "";
    this.#source?.close();
    this.#open();
  }

  #open(): void {
    const after = this.#lastId === "" ? "" : `?after=${encodeURIComponent(this.#lastId)}`;
    const source = new EventSource(`/api/v1/stream${after}`);
    this.#source = source;
    this.#heardMs = performance.now();
    source.addEventListener("snapshot", (message: MessageEvent<string>) => {
      const snapshot = JSON.parse(message.data) as PageSnapshot;
      this.#lastId = `${snapshot.run}-${snapshot.seq}`;
      this.#heard();
      this.#handlers.onSnapshot(snapshot);
    });
    source.addEventListener("message", (message: MessageEvent<string>) => {
      this.#lastId = message.lastEventId;
      this.#heard();
      this.#handlers.onEvent(JSON.parse(message.data) as JournalEvent);
    });
    source.addEventListener("status", (message: MessageEvent<string>) => {
      this.#heard();
      this.#handlers.onStatus(JSON.parse(message.data) as PageStatus);
    });
    source.addEventListener("replay", (message: MessageEvent<string>) => {
      this.#heard();
      this.#handlers.onReplay(JSON.parse(message.data) as ReplayOpening);
    });
    source.addEventListener("beat", () => this.#heard());
    source.addEventListener("error", () => this.#lose(source));
  }

  #heard(): void {
    this.#heardMs = performance.now();
    this.#handlers.onLink("live");
  }

  #look(): void {
    if (this.#source !== undefined && performance.now() - this.#heardMs > SILENT_MS_MAX)
      this.#lose(this.#source);
  }

  #lose(source: EventSource): void {
    if (source !== this.#source) return;
    source.close();
    this.#source = undefined;
    this.#handlers.onLink("lost");
    setTimeout(() => {
      if (this.#source === undefined) this.#open();
    }, RETRY_MS);
  }
}
