/**
 * The sockets of one connection, and the timers that its links ask for: the part of the relay that touches the world.
 *
 *     client ◀──── downstream link ──── upstream        a node
 *            ────▶  upstream link  ────▶
 *
 * A full link leaves its source unread, and a sink that is blocked fills its link: so the pace of the slowest reaches the
 * sender's kernel. FIN passes in its own direction only; the other one lives on. An RST ends both.
 */
import type { Socket } from "node:net";
import { after, nowMs, type Timer } from "#core/host/clock.ts";
import type { ToxicStream } from "#core/wire/relay.ts";
import { Link, type LinkToxic } from "./link.ts";
import type { Closing } from "./toxics/toxic.ts";

/** A timer's largest delay is 24 days; whatever is later is looked at again then. */
const TIMER_MS_MAX = 60_000;

export interface StreamCount {
  /** Bytes read from the source and bytes written to the sink. */
  received: number;
  sent: number;
}

export type StreamCounts = Readonly<Record<ToxicStream, StreamCount>>;

/** Both sockets are connected, half-open ones allowed; nothing has been read from the client. */
export class Pump {
  readonly #sockets: readonly Socket[];
  readonly #halves: Readonly<Record<ToxicStream, Half>>;

  /** `onClose`: both sockets are gone. */
  constructor(client: Socket, upstream: Socket, counts: StreamCounts, onClose: () => void) {
    this.#sockets = [client, upstream];
    const cut = (): void => {
      for (const half of Object.values(this.#halves)) half.abandon();
    };
    this.#halves = {
      upstream: new Half(client, upstream, counts.upstream, cut),
      downstream: new Half(upstream, client, counts.downstream, cut),
    };
    let open = 2;
    for (const socket of this.#sockets) {
      socket.once("close", () => {
        open -= 1;
        if (open === 0) onClose();
      });
    }
    for (const half of Object.values(this.#halves)) half.begin();
  }

  /** The proxy has gone: at once, whatever is under way. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  add(stream: ToxicStream, id: string, toxic: LinkToxic): void {
    this.#halves[stream].change((link, at) => link.add(id, toxic, at));
  }

  update(stream: ToxicStream, id: string, toxic: LinkToxic): void {
    this.#halves[stream].change((link, at) => link.update(id, toxic, at));
  }

  remove(stream: ToxicStream, id: string): void {
    this.#halves[stream].change((link, at) => link.remove(id, at));
  }
}

/** One direction. */
class Half {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #count: StreamCount;
  readonly #link: Link;
  readonly #onCut: () => void;
  #timer: Timer | undefined;
  #hasEnded = false;

  constructor(source: Socket, sink: Socket, count: StreamCount, onCut: () => void) {
    this.#source = source;
    this.#sink = sink;
    this.#count = count;
    this.#onCut = onCut;
    this.#link = new Link({
      write: (bytes) => this.#write(bytes),
      close: (how) => this.#close(how),
    });
  }

  begin(): void {
    const source = this.#source;
    source.on("data", (bytes: Uint8Array) => {
      this.#count.received += bytes.length;
      this.change((link, at) => link.push(bytes, at));
    });
    source.once("end", () => this.#end("end"));
    // Without an end before it, it was an RST or a dead path.
    source.once("close", () => this.#end("reset"));
    source.on("error", () => undefined);
    this.#sink.on("drain", () => this.change((link, at) => link.unblock(at)));
    this.#sink.once("close", () => this.abandon());
    source.resume();
  }

  /** Does something to the link, then what follows from it: the source's pace, the next timer. */
  change(act: (link: Link, atMs: number) => void): void {
    act(this.#link, nowMs());
    if (this.#link.isFull) this.#source.pause();
    else if (this.#source.isPaused()) this.#source.resume();
    this.#timer?.cancel();
    const waitMs = this.#link.dueMs - nowMs();
    if (waitMs === Infinity) this.#timer = undefined;
    else
      this.#timer = after(Math.min(waitMs, TIMER_MS_MAX), () => this.change((link, at) => link.advance(at)));
  }

  /** Nobody takes its bytes any more; the source is read on, so that its end is seen. */
  abandon(): void {
    this.change((link) => link.abandon());
  }

  #end(how: "end" | "reset"): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.change((link, at) => link.end(how, at));
  }

  #write(bytes: Uint8Array): boolean {
    if (!this.#sink.writable) return true;
    this.#count.sent += bytes.length;
    return this.#sink.write(bytes);
  }

  #close(how: Closing): void {
    const source = this.#source;
    const sink = this.#sink;
    if (how === "end") return void sink.end();
    if (how === "cut") {
      sink.end(() => sink.destroy());
      source.destroy();
    } else {
      sink.resetAndDestroy();
      source.resetAndDestroy();
    }
    this.#onCut();
  }
}
