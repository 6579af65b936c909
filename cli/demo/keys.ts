/**
 * Keys of the live table, from the bytes of a terminal in raw mode to what they mean. Escape sequences (arrows, mouse,
 * pasted brackets) are one key each and mean nothing here, so a stray one arms nothing.
 */
export type Key =
  | { readonly do: "arm"; readonly siteIndex: number }
  | {
      readonly do:
        | "disarm"
        | "cycle"
        | "fail"
        | "drain"
        | "revive"
        | "test"
        | "load"
        | "page"
        | "quit"
        | "interrupt"
        | "help";
    };

const MEANING: Readonly<Record<string, Exclude<Key["do"], "arm">>> = {
  "\r": "fail",
  "\n": "fail",
  "\u001b": "disarm",
  "\u0003": "interrupt",
  w: "cycle",
  "\t": "cycle",
  d: "drain",
  r: "revive",
  t: "test",
  l: "load",
  p: "page",
  q: "quit",
  h: "help",
  "?": "help",
};

// oxlint-disable-next-line no-control-regex -- Escape sequences begin with a control character.
const KEYS = /\u001b\[[0-9;?<]*[ -/]*[@-~]|\u001bO.|[\s\S]/g;

export function readKeys(text: string): Key[] {
  const keys: Key[] = [];
  for (const [typed] of text.matchAll(KEYS)) {
    const key = typed.toLowerCase();
    if (/^[1-9]$/.test(key)) keys.push({ do: "arm", siteIndex: Number(key) - 1 });
    else if (MEANING[key] !== undefined) keys.push({ do: MEANING[key] });
  }
  return keys;
}
