/** What `kill`, `revive`, `drain` and `reset` have in common: how they say what was done. */
import type { ActionReply } from "#core/wire/control.ts";
import type { Output } from "./output.ts";

const ACTION_SCHEMA = "anycastle.action/v1";

/** `sentence` is for people; a document gets the reply as it is. */
export function printAction(
  output: Output,
  isJson: boolean,
  action: string,
  reply: ActionReply,
  sentence: string,
): void {
  if (isJson) output.printJson({ schema: ACTION_SCHEMA, action, ...reply });
  else output.print(sentence);
}

/** `ny1-1 and ny1-2`. */
export function listOf(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? "nothing";
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
