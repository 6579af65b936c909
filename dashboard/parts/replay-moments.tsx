/** The moments worth a line; those to come are dim, and a click goes to one. */
import { useEffect, useRef } from "preact/hooks";
import type { ReplayMoment } from "../../core/wire/replay.ts";
import { duration } from "../model/figures.ts";
import { lastMoment } from "../model/timeline.ts";
import { opening, placeName, positionUs, seek } from "../replay-store.ts";
import { words } from "../store.ts";
import { Panel } from "./panel.tsx";

const US_PER_MS = 1_000;

export function ReplayMoments() {
  const { replay } = words.value;
  const { moments } = opening.value!;
  const last = lastMoment(moments, positionUs.value);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const item = list.current?.children[Math.max(0, last)];
    // The list moves inside itself; the page stays where it is.
    if (list.current !== null && item instanceof HTMLElement) {
      list.current.scrollTop = item.offsetTop - list.current.offsetTop - list.current.clientHeight / 2;
    }
  }, [last]);
  return (
    <Panel name="story" title={replay.happened}>
      <ol ref={list} class="moments" tabIndex={0} aria-label={replay.happened}>
        {moments.map((moment, index) => (
          <li
            key={index}
            class={`${moment.sort}${index <= last ? "" : " to-come"}`}
            aria-current={index === last ? "step" : undefined}
          >
            <time>{`+${duration(moment.atUs / US_PER_MS)}`}</time>
            <button type="button" class="row" onClick={() => seek(moment.atUs)}>
              {said(moment)}
            </button>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function said(moment: ReplayMoment): string {
  const { replay, map } = words.value;
  switch (moment.sort) {
    case "act":
      return moment.what;
    case "moved":
      return `${placeName(moment.vantage)}: ${moment.from ?? map.unreachable} → ${moment.to ?? map.unreachable}`;
    case "settled":
      return replay.settled(moment.percent);
  }
}
