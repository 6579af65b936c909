/**
 * Markup that escapes by construction: whatever is put into `markup` as a string is text, and only what `markup` itself
 * made goes in as it is. Serves HTML and SVG; attributes must be quoted.
 */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type MarkupValue = string | number | Markup | readonly MarkupValue[] | null;

export function markup(strings: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  let text = strings[0]!;
  values.forEach((value, index) => {
    text += flatten(value) + strings[index + 1]!;
  });
  return new Markup(text);
}

function flatten(value: MarkupValue): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escapeText(value);
  if (value instanceof Markup) return value.text;
  return value.map(flatten).join("");
}

function escapeText(text: string): string {
  return (
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;")
      // Control characters have no place in either language, not even as references.
      // eslint-disable-next-line no-control-regex -- that is what this takes out
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "�")
  );
}
