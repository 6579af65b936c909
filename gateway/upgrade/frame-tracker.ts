/**
 * Where in a stream of WebSocket frames (RFC 6455 §5.2) it stands: between two frames, where one of our own may be put in, or
 * inside one. It looks at lengths only and keeps nothing of what is said.
 */
const CLOSE = 0x8;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASK_BYTES = 4;

export class FrameTracker {
  /** Bytes of a head whose length is not known yet. */
  #head: number[] = [];
  #left = 0;
  #hasClosed = false;

  /** The last frame is complete. */
  get isBetweenFrames(): boolean {
    return this.#left === 0 && this.#head.length === 0;
  }

  /** A Close frame has begun: whatever comes behind it is not read by anybody. */
  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, chunk.length - at);
        this.#left -= passed;
        at += passed;
        continue;
      }
      this.#head.push(chunk[at]!);
      at += 1;
      const bytes = headBytes(this.#head);
      if (bytes === undefined || this.#head.length < bytes) continue;
      if ((this.#head[0]! & 0x0f) === CLOSE) this.#hasClosed = true;
      this.#left = payloadBytes(this.#head);
      this.#head = [];
    }
  }
}

/** Length of the head; undefined while too little of it is there. */
function headBytes([, second]: readonly number[]): number | undefined {
  if (second === undefined) return undefined;
  const length = second & 0x7f;
  const mask = (second & 0x80) === 0 ? 0 : MASK_BYTES;
  return 2 + (length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0) + mask;
}

function payloadBytes(head: readonly number[]): number {
  const length = head[1]! & 0x7f;
  if (length < LENGTH_16) return length;
  const bytes = head.slice(2, length === LENGTH_16 ? 4 : 10);
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** A Close frame as a server sends it (§5.5.1): unmasked, a status code and no reason. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([0x80 | CLOSE, 2, code >> 8, code & 0xff]);
}
