/** What the page knows of a recording, and where in it the page is. Absent while it follows a lab. */
import { computed, signal } from "@preact/signals";
import type { ReplayFrame, ReplayOpening } from "../core/wire/replay.ts";
import { placesOf } from "./model/replay-places.ts";
import { frameAt, ReplayPlayer } from "./replay-player.ts";
import { link, words } from "./store.ts";

export const SPEEDS = [0.1, 1, 10, 100] as const;

export const opening = signal<ReplayOpening | undefined>(undefined);
export const frame = signal<ReplayFrame | undefined>(undefined);
/** The state before the change. */
export const firstFrame = signal<ReplayFrame | undefined>(undefined);
/** 0 stands still, below 0 runs backwards. */
export const direction = signal<-1 | 0 | 1>(0);
export const speed = signal<number>(1);
/** Where the handle is; the frame follows. */
export const positionUs = signal(0);

export const replayPlaces = computed(() => (opening.value === undefined ? [] : placesOf(opening.value)));

const player = new ReplayPlayer({
  onFrame: (value) => {
    frame.value = value;
    positionUs.value = value.atUs;
  },
  onStopped: () => {
    direction.value = 0;
  },
  onLost: () => {
    link.value = "lost";
  },
});

/** Comes again whenever the line to the server was mended: then the page stays where it is. */
export function openReplay(value: ReplayOpening): void {
  const isNew = opening.value === undefined;
  opening.value = value;
  if (!isNew) return;
  void frameAt(0)
    .then((first) => {
      firstFrame.value = first;
    })
    .catch(() => {
      link.value = "lost";
    });
  player.seek(0);
}

export function play(towards: -1 | 1): void {
  const endUs = opening.value?.endUs ?? 0;
  const isAtEnd = towards > 0 ? positionUs.value >= endUs : positionUs.value <= 0;
  if (isAtEnd) positionUs.value = towards > 0 ? 0 : endUs;
  player.play(positionUs.value, towards * speed.value);
  direction.value = towards;
}

export function stop(): void {
  player.stop();
}

export function toggle(): void {
  if (direction.value === 0) play(1);
  else stop();
}

export function seek(atUs: number): void {
  positionUs.value = Math.max(0, Math.min(opening.value?.endUs ?? 0, Math.round(atUs)));
  player.seek(positionUs.value);
}

export function chooseSpeed(value: number): void {
  speed.value = value;
  const towards = direction.value;
  if (towards !== 0) play(towards);
}

/** Names of vantages that are cities of the page's own are told in its language. */
export function placeName(name: string): string {
  const known = opening.value;
  const own = words.value.cities[name];
  return (
    own ??
    [...(known?.vantages ?? []), ...(known?.sites ?? [])].find((place) => place.name === name)?.city ??
    name
  );
}
