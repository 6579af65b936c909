/** The page of a recording: the map, the timeline to play and pull, who serves how many, and what happened. */
import { useEffect } from "preact/hooks";
import { toggle } from "../replay-store.ts";
import { link } from "../store.ts";
import { ReplayFigures } from "./replay-figures.tsx";
import { ReplayHead } from "./replay-head.tsx";
import { ReplayMap } from "./replay-map.tsx";
import { ReplayMoments } from "./replay-moments.tsx";
import { ReplaySites } from "./replay-sites.tsx";
import { Timeline } from "./timeline.tsx";

export function ReplayPage() {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isOnControl =
        event.target instanceof Element && event.target.closest("button, select, input") !== null;
      if (event.key !== " " || isOnControl) return;
      event.preventDefault();
      toggle();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <div class={`page replay ${link.value}`}>
      <ReplayHead />
      <main>
        <div class="column left">
          <ReplayMap />
          <Timeline />
        </div>
        <div class="column right">
          <ReplayFigures />
          <ReplaySites />
          <ReplayMoments />
        </div>
      </main>
    </div>
  );
}
