/** `anycastle completion`: a script for the shell, made from the tree of commands, so that it cannot be out of date. */
import { Argument, type Command } from "commander";
import { examples } from "./arguments.ts";
import { outputOf } from "./output.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a completion script for your shell")
    .addArgument(new Argument("<shell>", "which one").choices(SHELLS))
    .addHelpText(
      "after",
      examples(
        ['eval "$(anycastle completion bash)"', "for this shell; in ~/.bashrc for all"],
        ["anycastle completion zsh > ~/.zfunc/_anycastle", "with ~/.zfunc in fpath"],
        ["anycastle completion fish > ~/.config/fish/completions/anycastle.fish", ""],
      ),
    )
    .action(async (shell: (typeof SHELLS)[number], _options: object, command: Command) => {
      const { completionScript } = await import("./completion/script.ts");
      outputOf(command).print(completionScript(shell, program).trimEnd());
    });
}
