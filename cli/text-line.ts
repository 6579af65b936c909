/**
 * A line of styled text whose width is known: pieces are measured and cut before they are painted, so that an escape
 * sequence is never counted or torn. Control characters of foreign text become a dot: a node cannot move the cursor.
 */
import type { Paint, Style } from "./output.ts";

interface Piece {
  readonly text: string;
  readonly style: Style | undefined;
}

export class TextLine {
  readonly #pieces: Piece[] = [];
  #width = 0;

  get width(): number {
    return this.#width;
  }

  add(text: string, style?: Style): this {
    const clean = text.replaceAll(/\p{Cc}/gu, "·");
    this.#pieces.push({ text: clean, style });
    this.#width += clean.length;
    return this;
  }

  /** Spaces up to a column, at least one if there is anything before it. */
  tab(column: number): this {
    return this.add(" ".repeat(Math.max(this.#width === 0 ? 0 : 1, column - this.#width)));
  }

  append(other: TextLine): this {
    for (const { text, style } of other.#pieces) this.add(text, style);
    return this;
  }

  /** Cut at `widthMax`, the last character then an ellipsis. */
  render(paint: Paint, widthMax = Infinity): string {
    let room = widthMax;
    let rendered = "";
    for (const { text, style } of this.#pieces) {
      if (room <= 0) break;
      if (text === "") continue;
      const isCut = text.length > room || (text.length === room && this.#width > widthMax);
      const shown = isCut ? `${text.slice(0, room - 1)}…` : text;
      rendered += style === undefined ? shown : paint(style, shown);
      room -= shown.length;
    }
    return rendered;
  }
}
