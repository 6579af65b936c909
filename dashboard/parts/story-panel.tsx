/** What happened since the fault, to the millisecond: three figures that sum it up, and every step. */
import { useEffect, useRef } from "preact/hooks";
import { duration } from "../model/figures.ts";
import type { Story, StoryItem } from "../model/story.ts";
import { nameOf, story, watch, words } from "../store.ts";
import { Panel } from "./panel.tsx";

const NS_PER_MS = 1e6;
/** Nearer to the end than this the list follows what is new. */
const FOLLOW_PX = 60;

export function StoryPanel() {
  const { story: said } = words.value;
  const known = story.value;
  const items = known?.items ?? [];
  const list = useRef<HTMLOListElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isAtEnd.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [items]);
  const look = (): void => {
    const it = list.current;
    if (it !== null) isAtEnd.current = it.scrollHeight - it.scrollTop - it.clientHeight < FOLLOW_PX;
  };
  return (
    <Panel
      name="story"
      title={titleOf(known)}
      {...(watch.value === undefined ? { command: "npx anycastle events" } : {})}
    >
      <Figures />
      {items.length === 0 ? (
        <p class="empty">{said.empty}</p>
      ) : (
        <ol
          ref={list}
          class={known!.isFault ? "of-fault" : ""}
          onScroll={look}
          tabIndex={0}
          aria-label={said.titleFault}
        >
          {items.map((item) => (
            <Item key={item.seq} item={item} originNs={known!.originNs!} />
          ))}
        </ol>
      )}
      <p class="hidden" role="log" aria-live="polite">
        {lastOf(items)}
      </p>
    </Panel>
  );
}

function titleOf(known: Story | undefined): string {
  const { story: said, watched } = words.value;
  if (known?.isFault === true) return said.titleFault;
  return watch.value === undefined ? said.titleStart : watched.story;
}

function Figures() {
  const { story: said } = words.value;
  const { detectedMs, withdrawnMs, convergedMs } = story.value?.figures ?? {
    detectedMs: null,
    withdrawnMs: null,
    convergedMs: null,
  };
  if (story.value?.isFault !== true) return null;
  return (
    <dl class="figures">
      <Figure name={said.detected} title={said.detectedTitle} ms={detectedMs} />
      <Figure name={said.withdrawn} title={said.withdrawnTitle} ms={withdrawnMs} />
      <Figure name={said.converged} title={said.convergedTitle} ms={convergedMs} />
    </dl>
  );
}

function Figure({
  name,
  title,
  ms,
}: {
  readonly name: string;
  readonly title: string;
  readonly ms: number | null;
}) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd class={ms === null ? "dim" : ""}>{ms === null ? "–" : duration(ms)}</dd>
    </div>
  );
}

function Item({ item, originNs }: { readonly item: StoryItem; readonly originNs: number }) {
  const ms = (item.atNs - originNs) / NS_PER_MS;
  return (
    <li class={item.sort}>
      <time>{`+${duration(Math.max(0, ms))}`}</time>
      <span>{words.value.story.line(item, nameOf)}</span>
    </li>
  );
}

/** For those who hear the page: what changed for somebody, not each message on its way. */
const TOLD: ReadonlySet<StoryItem["sort"]> = new Set([
  "fault",
  "failure",
  "withdrawn",
  "graceful",
  "moved",
  "failback",
  "revive",
  "announced",
  "ready",
  "reset",
]);

function lastOf(items: readonly StoryItem[]): string {
  const item = items.findLast(({ sort }) => TOLD.has(sort));
  return item === undefined ? "" : words.value.story.line(item, nameOf);
}
