/**
 * Completion scripts for bash, zsh and fish. Each shell gets the same table (which command, which words, which values)
 * in its own language; zsh uses its own `_arguments` only as far as describing words goes, so that all three behave
 * alike. Words come from the product itself and are quoted all the same.
 */
import type { Command } from "commander";
import { completedCommands, type CompletedCommand, type CompletedOption } from "./words.ts";

export function completionScript(shell: "bash" | "zsh" | "fish", program: Command): string {
  const name = program.name();
  const commands = completedCommands(program);
  switch (shell) {
    case "bash":
      return bashScript(name, commands);
    case "zsh":
      return zshScript(name, commands);
    case "fish":
      return fishScript(name, commands);
  }
}

/** Paths of commands that have subcommands, or are one: what the walk over typed words may step into. */
function stepPattern(commands: readonly CompletedCommand[]): string {
  return commands
    .filter(({ path }) => path !== "")
    .map(({ path }) => quote(path))
    .join("|");
}

function bashScript(name: string, commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ path, words, options }) => {
    const flags = options.flatMap((option) => option.flags);
    return `    ${quote(path)}) words=${quote([...words.map(({ word }) => word), ...flags].join(" "))} ;;`;
  });
  return `# bash completion for ${name}: eval "$(${name} completion bash)"
_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" index next
  for ((index = 1; index < COMP_CWORD; index++)); do
    next="\${path:+$path }\${COMP_WORDS[index]}"
    case "$next" in
      ${stepPattern(commands)}) path="$next" ;;
    esac
  done
  case "$path:$previous" in
${valueCases(commands, (words) => `COMPREPLY=($(compgen -W ${quote(words.join(" "))} -- "$current")); return`, 'COMPREPLY=($(compgen -f -- "$current")); return', "COMPREPLY=(); return")}
  esac
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _${name} ${name}
`;
}

function zshScript(name: string, commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ path, words, options }) => {
    const described = [
      ...words.map(({ word, description }) => quote(`${word.replaceAll(":", "\\:")}:${description}`)),
      ...options.flatMap(({ flags, description }) => flags.map((flag) => quote(`${flag}:${description}`))),
    ];
    return `    ${quote(path)}) described=(${described.join(" ")}) ;;`;
  });
  return `#compdef ${name}
# zsh completion for ${name}: ${name} completion zsh > a directory of fpath, as _${name}
_${name}() {
  local where="" next index previous="\${words[CURRENT-1]}"
  local -a described
  for ((index = 2; index < CURRENT; index++)); do
    next="\${where:+$where }\${words[index]}"
    case "$next" in
      ${stepPattern(commands)}) where="$next" ;;
    esac
  done
  case "$where:$previous" in
${valueCases(commands, (words) => `compadd -- ${words.map(quote).join(" ")}; return`, "_files; return", "return")}
  esac
  case "$where" in
${cases.join("\n")}
  esac
  _describe ${name} described
}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

/** Lines of a `case` over "path:option": what the value of that option may be. */
function valueCases(
  commands: readonly CompletedCommand[],
  ofWords: (words: readonly string[]) => string,
  ofFiles: string,
  ofAnything: string,
): string {
  const lines: string[] = [];
  for (const { path, options } of commands) {
    for (const { flags, value } of options) {
      if (value === undefined) continue;
      const patterns = flags.map((flag) => quote(`${path}:${flag}`)).join("|");
      const action =
        value.kind === "words" ? ofWords(value.words) : value.kind === "file" ? ofFiles : ofAnything;
      lines.push(`    ${patterns}) ${action} ;;`);
    }
  }
  return lines.join("\n");
}

function fishScript(name: string, commands: readonly CompletedCommand[]): string {
  const lines = [`# fish completion for ${name}`, `complete -c ${name} -f`];
  for (const { path, words, options } of commands) {
    const condition = fishCondition(path, commands);
    for (const { word, description } of words) {
      lines.push(`complete -c ${name} -n ${quote(condition)} -a ${quote(word)} -d ${quote(description)}`);
    }
    for (const option of options) {
      lines.push(`complete -c ${name} -n ${quote(condition)} ${fishOption(option)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** True while the typed words have led to `path` and no further. */
function fishCondition(path: string, commands: readonly CompletedCommand[]): string {
  const steps = path === "" ? [] : path.split(" ");
  const isChild = (other: string): boolean =>
    other !== "" &&
    (path === "" || other.startsWith(`${path} `)) &&
    other.split(" ").length === steps.length + 1;
  const children = commands
    .map((command) => command.path)
    .filter(isChild)
    .map((child) => child.split(" ").at(-1)!);
  const seen = steps.map((step) => `__fish_seen_subcommand_from ${step}`);
  const unseen = children.length === 0 ? [] : [`not __fish_seen_subcommand_from ${children.join(" ")}`];
  const conditions = [...seen, ...unseen];
  return conditions.length === 0 ? "true" : conditions.join("; and ");
}

function fishOption({ flags, description, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const taken =
    value === undefined
      ? []
      : value.kind === "words"
        ? ["-x", `-a ${quote(value.words.join(" "))}`]
        : [value.kind === "file" ? "-rF" : "-x"];
  return [...names, ...taken, `-d ${quote(description)}`].join(" ");
}

/** For all three shells: single quotes, and one inside as '\\''. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
