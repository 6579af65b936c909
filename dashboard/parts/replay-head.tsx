/** The top of a recording's page: that it is one, of what, and what its model does not know. */
import { opening } from "../replay-store.ts";
import { link, words } from "../store.ts";
import { count } from "../model/figures.ts";
import { Logo, Toggles } from "./head.tsx";

export function ReplayHead() {
  const { replay, state } = words.value;
  const known = opening.value!;
  return (
    <>
      <header class="head">
        <h1>
          <Logo />
          Anycastle
        </h1>
        <p class={`condition ${link.value === "lost" ? "alert" : "warn"}`} role="status">
          <span class="dot" aria-hidden="true" />
          {link.value === "lost" ? state.lost : replay.recording}
        </p>
        <p class="run">
          v{known.version} · {known.timing} · seed {known.seed}, {replay.run(known.run)}
        </p>
        <Toggles />
      </header>
      <p class="look-only" role="note">
        <strong>{known.title}</strong> · {known.graph}: {replay.ases(count(known.ases))}. {known.modelLimits}
      </p>
    </>
  );
}
