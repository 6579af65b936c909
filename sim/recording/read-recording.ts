/**
 * Lines to a recording, one at a time, so that the caller decides how a file is read. Everything is checked before it is
 * believed: kinds, ranges, the order of time, and at the end the number of lines and their digest. Paths are kept in a
 * tree of the propagation room, so that equal paths have one number there.
 */
import { printable } from "#core/printable.ts";
import { PathTree } from "#sim/propagation/paths.ts";
import { PREPENDS_MAX } from "#sim/topology/limits.ts";
import { Digest } from "./digest.ts";
import {
  AT_US_MAX,
  EVENTS_MAX,
  isIntegerIn,
  LINE_CHARS_MAX,
  MARKS,
  MARKS_ALL,
  parseHeader,
  PATHS_MAX,
  RecordingError,
  type RecordingHeader,
} from "./format.ts";

const CAPACITY_FIRST = 1024;
/** What `PathTree.length` holds. */
const PATH_LENGTH_MAX = 65_535;

/** Events as columns, in the order of the file. */
export interface EventColumns {
  readonly count: number;
  readonly atUs: Float64Array;
  readonly vertex: Int32Array;
  /** In `Recording.paths`; 0 none. */
  readonly path: Int32Array;
}

export interface MessageColumns extends EventColumns {
  readonly from: Int32Array;
}

export interface Recording {
  readonly header: RecordingHeader;
  readonly paths: PathTree;
  /** Changes of best paths. */
  readonly changes: EventColumns;
  /** Messages as they arrived at `vertex`. */
  readonly messages: MessageColumns;
  /** Of the last event, or act; 0 of none. */
  readonly endUs: number;
}

export class RecordingReader {
  readonly #paths = new PathTree();
  readonly #changes = new Columns();
  readonly #messages = new Columns();
  readonly #digest = new Digest();
  /** By number in the file: number in the tree. */
  readonly #numbers: number[] = [0];
  #header: RecordingHeader | undefined;
  #lineCount = 0;
  #endUs = 0;
  #isEnded = false;

  /** Throws `RecordingError`. */
  push(line: string): void {
    const number = this.#lineCount + 1;
    if (line.length > LINE_CHARS_MAX) throw new RecordingError(number, `longer than ${LINE_CHARS_MAX}`);
    if (this.#isEnded) throw new RecordingError(number, "something follows the line that ends the recording");
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new RecordingError(number, `no JSON: ${excerpt(line)}`);
    }
    if (this.#header === undefined) this.#header = parseHeader(value);
    else this.#take(value, this.#header, number, line);
    if (this.#isEnded) return;
    this.#digest.addText(line);
    this.#lineCount = number;
  }

  /** After the last line. Throws `RecordingError` for a file that was cut off. */
  finish(): Recording {
    if (this.#header === undefined) throw new RecordingError(1, "the file is empty");
    if (!this.#isEnded) {
      throw new RecordingError(this.#lineCount + 1, "the file ends here, in the middle: it was cut off");
    }
    const header = this.#header;
    return {
      header,
      paths: this.#paths,
      changes: this.#changes,
      messages: this.#messages,
      endUs: Math.max(this.#endUs, ...header.acts.map(({ atUs }) => atUs)),
    };
  }

  #take(value: unknown, { graph }: RecordingHeader, line: number, text: string): void {
    const wrong = (why: string): RecordingError => new RecordingError(line, `${why}: ${excerpt(text)}`);
    if (!Array.isArray(value)) throw wrong("no event");
    const [kind, a, b, c, d] = value as unknown[];
    const vertexMax = graph.vertices - 1;
    switch (kind) {
      case "r":
        if (
          !isIntegerIn(a, 0, vertexMax) ||
          !isIntegerIn(b, 0, PREPENDS_MAX) ||
          !isIntegerIn(c, 0, MARKS_ALL)
        )
          throw wrong("no path of a site");
        return this.#define(this.#root(a, b, c), wrong);
      case "p":
        if (!isIntegerIn(a, 0, vertexMax) || !isIntegerIn(b, 1, this.#numbers.length - 1))
          throw wrong("a path behind which nothing is defined");
        if (this.#paths.length[this.#numbers[b]!]! >= PATH_LENGTH_MAX) throw wrong("a path that is too long");
        return this.#define(this.#paths.extend(a, this.#numbers[b]!), wrong);
      case "b":
        this.#checkEvent(a, b, c, vertexMax, wrong);
        return this.#changes.add(a as number, b as number, this.#numbers[c as number]!);
      case "m":
        this.#checkEvent(a, b, d, vertexMax, wrong);
        if (!isIntegerIn(c, 0, vertexMax)) throw wrong("a message from nobody");
        return this.#messages.add(a as number, b as number, this.#numbers[d as number]!, c);
      case "end":
        if (a !== this.#lineCount || b !== this.#digest.text) {
          throw wrong(`${this.#lineCount} lines of digest ${this.#digest.text} came before, not as it says`);
        }
        this.#isEnded = true;
        return undefined;
      default:
        throw wrong("an event of unknown kind");
    }
  }

  #root(site: number, prepends: number, marks: number): number {
    return this.#paths.root(site, {
      prepends,
      isGraceful: (marks & MARKS.gracefulShutdown) !== 0,
      isNoExport: (marks & MARKS.noExport) !== 0,
      isNoPeer: (marks & MARKS.noPeer) !== 0,
    });
  }

  #define(path: number, wrong: (why: string) => RecordingError): void {
    if (this.#numbers.length > PATHS_MAX) throw wrong(`more than ${PATHS_MAX} paths`);
    this.#numbers.push(path);
  }

  #checkEvent(
    atUs: unknown,
    vertex: unknown,
    path: unknown,
    vertexMax: number,
    wrong: (why: string) => RecordingError,
  ): void {
    if (!isIntegerIn(atUs, 0, AT_US_MAX)) throw wrong("an event without a time");
    if (!isIntegerIn(vertex, 0, vertexMax)) throw wrong("an event at no AS of the graph");
    if (!isIntegerIn(path, 0, this.#numbers.length - 1))
      throw wrong("an event of a path that is not defined");
    if (atUs < this.#endUs) throw wrong("an event before the one above it");
    if (this.#changes.count + this.#messages.count >= EVENTS_MAX)
      throw wrong(`more than ${EVENTS_MAX} events`);
    this.#endUs = atUs;
  }
}

class Columns implements MessageColumns {
  count = 0;
  atUs = new Float64Array(CAPACITY_FIRST);
  vertex = new Int32Array(CAPACITY_FIRST);
  path = new Int32Array(CAPACITY_FIRST);
  from = new Int32Array(CAPACITY_FIRST);

  add(atUs: number, vertex: number, path: number, from = 0): void {
    if (this.count === this.atUs.length) this.#grow();
    this.atUs[this.count] = atUs;
    this.vertex[this.count] = vertex;
    this.path[this.count] = path;
    this.from[this.count] = from;
    this.count += 1;
  }

  #grow(): void {
    const capacity = this.count * 2;
    const { atUs, vertex, path, from } = this;
    this.atUs = new Float64Array(capacity);
    this.atUs.set(atUs);
    this.vertex = new Int32Array(capacity);
    this.vertex.set(vertex);
    this.path = new Int32Array(capacity);
    this.path.set(path);
    this.from = new Int32Array(capacity);
    this.from.set(from);
  }
}

function excerpt(line: string): string {
  return printable(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}
