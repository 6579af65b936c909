/**
 * The tree of commands, flattened for completion: for each command the words that may follow it, and for each option
 * that takes a value what that value may be.
 */
import type { Argument, Command, Option } from "commander";
import { SITES } from "#core/geography/cities.ts";
import { vantageIds } from "#core/geography/rtt.ts";

export interface CompletedCommand {
  /** `""` for the program itself, `config`, `config validate`. */
  readonly path: string;
  /** Subcommands, or the words its argument may be. */
  readonly words: readonly CompletedWord[];
  readonly options: readonly CompletedOption[];
}

export interface CompletedWord {
  readonly word: string;
  readonly description: string;
}

export interface CompletedOption {
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined: it takes no value. */
  readonly value: CompletedValue | undefined;
}

export type CompletedValue =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "file" | "any" };

export function completedCommands(program: Command): CompletedCommand[] {
  return collect(program, []);
}

function collect(command: Command, path: readonly string[]): CompletedCommand[] {
  const subcommands = command.commands.map((child) => ({
    word: child.name(),
    description: child.description(),
  }));
  const own: CompletedCommand = {
    path: path.join(" "),
    words: [...subcommands, ...command.registeredArguments.flatMap(argumentWords)],
    options: [
      ...command.options.map(completedOption),
      { flags: ["--help", "-h"], description: "display help for command", value: undefined },
    ],
  };
  return [own, ...command.commands.flatMap((child) => collect(child, [...path, child.name()]))];
}

function argumentWords(argument: Argument): CompletedWord[] {
  const words = argument.argChoices ?? (argument.name() === "target" ? siteWords() : []);
  return words.map((word) => ({ word, description: argument.description }));
}

function completedOption(option: Option): CompletedOption {
  const flags = [option.long, option.short].filter((flag) => flag !== undefined && flag !== null);
  const takesValue = option.required || option.optional;
  return { flags, description: option.description, value: takesValue ? valueOf(option) : undefined };
}

function valueOf(option: Option): CompletedValue {
  if (option.argChoices !== undefined) return { kind: "words", words: option.argChoices };
  if (option.long === "--target") return { kind: "words", words: siteWords() };
  if (option.long === "--vantages") return { kind: "words", words: vantageIds() };
  return { kind: /<(file|dir)>/.test(option.flags) ? "file" : "any" };
}

function siteWords(): string[] {
  return SITES.map(({ site }) => site);
}
