/** A command to copy. Where the clipboard is closed to the page, the text is selected for the user to copy. */
import { useRef, useState } from "preact/hooks";
import { words } from "../store.ts";

const SAID_MS = 1_500;

export function Command({ text }: { readonly text: string }) {
  const [said, say] = useState<string | undefined>(undefined);
  const shown = useRef<HTMLElement>(null);
  const { command } = words.value;
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      say(command.copied);
    } catch {
      if (shown.current !== null) getSelection()?.selectAllChildren(shown.current);
      say(command.select);
    }
    setTimeout(() => say(undefined), SAID_MS);
  };
  return (
    <button
      type="button"
      class="command"
      aria-label={command.copy(text)}
      title={command.copy(text)}
      onClick={() => void copy()}
    >
      <code ref={shown}>{text}</code>
      <span class="command-said" aria-live="polite">
        {said ?? (
          <svg viewBox="0 0 12 12" aria-hidden="true">
            <rect x="1" y="3.5" width="7.5" height="7.5" rx="1.5" />
            <path d="M4 1.5h5a1.5 1.5 0 0 1 1.5 1.5v5" />
          </svg>
        )}
      </span>
    </button>
  );
}
