/** A part of the page with its heading, and beside it the command that shows the same in a terminal. */
import type { ComponentChildren } from "preact";
import { Command } from "./command.tsx";

export interface PanelProps {
  readonly name: string;
  /** What it is in just now, for the style sheet. */
  readonly condition?: string;
  readonly title: string;
  readonly command?: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Panel({ name, condition = "", title, command, aside, children }: PanelProps) {
  const id = `${name}-title`;
  return (
    <section class={`panel ${name} ${condition}`.trimEnd()} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
        {command === undefined ? null : <Command text={command} />}
      </header>
      {children}
    </section>
  );
}
