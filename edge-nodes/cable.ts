/**
 * The network cable of a node, which can be pulled while the process lives: every socket plugged into it goes silent
 * both ways. Nothing that arrives is read, nothing that is written leaves, new connections get no answer. When it is
 * put back, what was held flows on, as TCP retransmits would have it.
 *
 * This is done inside the process because the embedded lab has no privileges. What it cannot fake: the kernel goes on
 * accepting connections and acknowledging bytes. A true power-off needs a network namespace or a container.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

type WriteDone = (error?: Error | null) => void;

export class Cable {
  #isCut = false;
  readonly #wires = new Set<Wire>();

  get isCut(): boolean {
    return this.#isCut;
  }

  /** The far end of `socket` as seen through the cable. Use only what is returned. */
  plug(socket: Socket): Wire {
    const wire = new Wire(socket, this);
    this.#wires.add(wire);
    socket.once("close", () => this.#wires.delete(wire));
    return wire;
  }

  cut(): void {
    this.#isCut = true;
    for (const wire of this.#wires) wire.hold();
  }

  restore(): void {
    this.#isCut = false;
    for (const wire of this.#wires) wire.release();
  }
}

export class Wire extends Duplex {
  readonly #socket: Socket;
  readonly #cable: Cable;
  /** What waits for the cable to be put back, in order. */
  #held: (() => void)[] = [];
  #isPeerGone = false;
  /** Responses begun and not ended: nothing else may be written between them. */
  responsesOpen = 0;

  constructor(socket: Socket, cable: Cable) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#cable = cable;
    socket.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => {
      this.#isPeerGone = true;
      this.push(null);
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("timeout", () => this.emit("timeout"));
    socket.on("close", () => {
      this.#isPeerGone = true;
      this.destroy();
    });
    if (cable.isCut) socket.pause();
  }

  /** The other side has ended or closed the connection, as far as it has been read. */
  get isPeerGone(): boolean {
    return this.#isPeerGone;
  }

  /** As of `net.Socket`: the HTTP server closes idle connections by it. */
  setTimeout(ms: number): this {
    this.#socket.setTimeout(ms);
    return this;
  }

  hold(): void {
    this.#socket.pause();
  }

  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const go of held) go();
    this.#socket.resume();
  }

  override _read(): void {
    if (!this.#cable.isCut) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#whenWhole(() => this.#socket.write(chunk, done));
  }

  override _final(done: WriteDone): void {
    this.#whenWhole(() => this.#socket.end(() => done()));
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    this.#whenWhole(() => this.#socket.destroy());
    done(error);
  }

  #whenWhole(go: () => void): void {
    if (this.#cable.isCut) this.#held.push(go);
    else go();
  }
}
