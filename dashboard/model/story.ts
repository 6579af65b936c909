/**
 * What happened since the last fault, in the order in which it happened, and the three figures that sum it up. A story
 * begins with a fault or a drain while nothing else was wrong; before the first one it is that of the start.
 *
 * Times are those at which things happened in their process, so an event that was heard later may stand earlier.
 */
import type { JournalEvent } from "../../core/wire/events.ts";

/** More than a site's loss and return make; path hunting in a bad run can make more. */
const ITEMS_MAX = 160;

export type StorySort =
  | "fault"
  | "confirmed"
  | "failure"
  | "rescue"
  | "detected"
  | "session"
  | "bfd"
  | "withdrawn"
  | "graceful"
  | "moved"
  | "failback"
  | "settled"
  | "revive"
  | "announced"
  | "trusted"
  | "drained"
  | "ready"
  | "reset"
  | "started";

export interface StoryItem {
  readonly seq: number;
  readonly atNs: number;
  readonly sort: StorySort;
  readonly event: JournalEvent;
}

export interface Story {
  /** Time 0; null before anything was heard. */
  readonly originNs: number | null;
  /** It began with a fault, not with the lab. */
  readonly isFault: boolean;
  readonly items: readonly StoryItem[];
  /** Nodes under a fault or a drain. */
  readonly troubled: ReadonlySet<string>;
  /** Site that served a vantage when the story began, for those that have moved since. */
  readonly homes: ReadonlyMap<string, string | null>;
  /** Since a revival was asked for, moves are returns. */
  readonly isReviving: boolean;
  readonly figures: StoryFigures;
}

/** Milliseconds since time 0; null: not yet. */
export interface StoryFigures {
  /** The gateway takes the first node out. */
  readonly detectedMs: number | null;
  /** The first site is withdrawn. */
  readonly withdrawnMs: number | null;
  /** The last vantage has what it will keep, as of now. */
  readonly convergedMs: number | null;
}

const NO_FIGURES: StoryFigures = { detectedMs: null, withdrawnMs: null, convergedMs: null };
const NS_PER_MS = 1e6;

export const NO_STORY: Story = {
  originNs: null,
  isFault: false,
  items: [],
  troubled: new Set(),
  homes: new Map(),
  isReviving: false,
  figures: NO_FIGURES,
};

export function beginStory(event: JournalEvent): Story {
  return continueStory({ ...NO_STORY, originNs: event.atNs, isFault: true }, event);
}

/** The same object comes back when the event is no part of the story. */
export function continueStory(story: Story, event: JournalEvent): Story {
  const sort = sortOf(story, event);
  const troubled = troubledAfter(story.troubled, event);
  if (sort === undefined && troubled === story.troubled) return story;
  const next: Story = {
    ...story,
    troubled,
    originNs: story.originNs ?? event.atNs,
    isReviving: story.isReviving || event.kind === "revive.asked" || event.kind === "reset.done",
    homes: homesAfter(story.homes, event),
  };
  if (sort === undefined) return next;
  const item: StoryItem = { seq: event.seq, atNs: event.atNs, sort, event };
  return { ...next, items: inserted(story.items, item), figures: figuresAfter(next, item) };
}

function sortOf(story: Story, event: JournalEvent): StorySort | undefined {
  switch (event.kind) {
    case "lab.started":
      return "started";
    case "lab.ready":
      return "ready";
    case "fault.injected":
    case "drain.started":
      return "fault";
    case "fault.confirmed":
      return "confirmed";
    case "drain.finished":
      return "drained";
    case "load.failed":
    case "gateway.failed":
      return story.items.some(({ sort }) => sort === "failure") ? undefined : "failure";
    case "gateway.window":
      return event.rescued > 0 && story.isFault && !story.items.some(({ sort }) => sort === "rescue")
        ? "rescue"
        : undefined;
    case "gateway.node":
      return gatewaySort(story, event);
    case "router.session":
      return event.state === "down" ? "session" : undefined;
    case "bfd.session":
      return event.by === "router" && event.state === "down" && story.isFault ? "bfd" : undefined;
    case "site.withdrawn":
      return "withdrawn";
    case "site.announced":
      return event.isGracefulShutdown ? "graceful" : "announced";
    case "vantage.moved":
      return story.isReviving ? "failback" : "moved";
    case "routes.settled":
      return "settled";
    case "revive.asked":
      return "revive";
    case "reset.done":
      return "reset";
    default:
      return undefined;
  }
}

function gatewaySort(
  { isFault }: Story,
  { to }: Extract<JournalEvent, { kind: "gateway.node" }>,
): StorySort | undefined {
  if (to === "unhealthy" || to === "ejected") return "detected";
  // At the start every node is trusted once: that is no news.
  return to === "healthy" && isFault ? "trusted" : undefined;
}

function troubledAfter(troubled: ReadonlySet<string>, event: JournalEvent): ReadonlySet<string> {
  switch (event.kind) {
    case "fault.injected":
    case "drain.started":
      return new Set([...troubled, ...event.nodes]);
    case "fault.removed":
      return without(troubled, [event.node]);
    case "revive.asked":
      return without(troubled, event.nodes);
    case "reset.done":
      return new Set();
    default:
      return troubled;
  }
}

/** The same object when there is nothing to take out. */
function without(set: ReadonlySet<string>, values: readonly string[]): ReadonlySet<string> {
  const taken = new Set(values);
  return values.some((value) => set.has(value))
    ? new Set([...set].filter((value) => !taken.has(value)))
    : set;
}

function homesAfter(
  homes: ReadonlyMap<string, string | null>,
  event: JournalEvent,
): ReadonlyMap<string, string | null> {
  if (event.kind !== "vantage.moved" || homes.has(event.vantage)) return homes;
  return new Map(homes).set(event.vantage, event.from);
}

function figuresAfter({ figures, originNs, isReviving, isFault }: Story, item: StoryItem): StoryFigures {
  if (!isFault || isReviving) return figures;
  const ms = (item.atNs - originNs!) / NS_PER_MS;
  switch (item.sort) {
    case "detected":
      return { ...figures, detectedMs: Math.min(figures.detectedMs ?? ms, ms) };
    case "withdrawn":
      return { ...figures, withdrawnMs: Math.min(figures.withdrawnMs ?? ms, ms) };
    case "moved":
      return { ...figures, convergedMs: Math.max(figures.convergedMs ?? ms, ms) };
    default:
      return figures;
  }
}

/** By time; events come nearly in order, so the place is near the end. The fault, the first, always stays. */
function inserted(items: readonly StoryItem[], item: StoryItem): readonly StoryItem[] {
  let at = items.length;
  while (at > 0 && items[at - 1]!.atNs > item.atNs) at -= 1;
  const next = [...items.slice(0, at), item, ...items.slice(at)];
  return next.length > ITEMS_MAX ? [next[0]!, ...next.slice(next.length - ITEMS_MAX + 1)] : next;
}
