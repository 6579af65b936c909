/**
 * Newline-delimited JSON off a byte stream. Bytes are split before they are decoded, so a character cut in two by a
 * chunk's end survives. A line longer than `lineBytesMax` is an error, not a reason to grow without end.
 */
const LINE_BYTES_MAX = 1024 * 1024;
const NEWLINE = 0x0a;

export class NdjsonError extends Error {
  readonly code = "NDJSON";
}

export class NdjsonReader {
  readonly #onValue: (value: unknown) => void;
  readonly #onError: (error: NdjsonError) => void;
  readonly #lineBytesMax: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /** `onError` gets every line that is no JSON and every line that is too long; reading goes on after it. */
  constructor(
    onValue: (value: unknown) => void,
    onError: (error: NdjsonError) => void,
    lineBytesMax = LINE_BYTES_MAX,
  ) {
    this.#onValue = onValue;
    this.#onError = onError;
    this.#lineBytesMax = lineBytesMax;
  }

  push(chunk: Buffer): void {
    let start = 0;
    let end = chunk.indexOf(NEWLINE);
    while (end !== -1) {
      this.#pending.push(chunk.subarray(start, end));
      this.#finishLine();
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    if (start < chunk.length) {
      this.#pending.push(chunk.subarray(start));
      this.#pendingBytes += chunk.length - start;
      if (this.#pendingBytes > this.#lineBytesMax) {
        this.#pending = [];
        this.#pendingBytes = 0;
        this.#onError(new NdjsonError(`a line is longer than ${this.#lineBytesMax} bytes`));
      }
    }
  }

  #finishLine(): void {
    const line = Buffer.concat(this.#pending).toString("utf8");
    this.#pending = [];
    this.#pendingBytes = 0;
    if (line.trim() === "") return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      this.#onError(new NdjsonError(`a line is no JSON: ${line.slice(0, 80)}`, { cause: error }));
      return;
    }
    this.#onValue(value);
  }
}
