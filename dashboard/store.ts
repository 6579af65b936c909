/**
 * What the page knows and what its user has chosen, as signals. Messages are gathered until the next picture is drawn:
 * a burst of a thousand events costs one drawing.
 */
import { computed, signal } from "@preact/signals";
import type { JournalEvent } from "../core/wire/events.ts";
import type { FaultHow } from "../core/wire/faults.ts";
import type { PageSnapshot, PageStatus } from "../core/wire/page.ts";
import { fromSnapshot, hear, withStatus, type PageState } from "./model/page-state.ts";
import { CHINESE } from "./words/chinese.ts";
import { ENGLISH, type Words } from "./words/english.ts";

/** A hidden page draws nothing, but must not gather without end. */
const HIDDEN_FLUSH_MS = 250;
const LANGUAGE_KEY = "anycastle-language";
const THEME_KEY = "anycastle-theme";
const PAGE_KEY_KEY = "anycastle-page-key";

type Message =
  | { readonly sort: "snapshot"; readonly value: PageSnapshot }
  | { readonly sort: "event"; readonly value: JournalEvent }
  | { readonly sort: "status"; readonly value: PageStatus };

export const state = signal<PageState | undefined>(undefined);
export const link = signal<"connecting" | "live" | "lost">("connecting");
/** The newest link that was opened in this page gave no session. */
export const isLinkUsed = signal(false);

/** What this page sends beside its session's cookie; null: it may not act. Only pages of this host and port can read it. */
export const pageKey = signal<string | null>(stored(PAGE_KEY_KEY));

export function keepPageKey(key: string): void {
  pageKey.value = key;
  store(PAGE_KEY_KEY, key);
}

// What is chosen.
export const chosenSite = signal("ny1");
/** A node of the chosen site, or null for the whole of it. */
export const chosenNode = signal<string | null>(null);
export const chosenHow = signal<FaultHow>("kill");
export const chosenCity = signal("new-york");
export const chosenTarget = computed(() => chosenNode.value ?? chosenSite.value);

export const theme = signal<"dark" | "light" | "auto">(storedTheme());
export const words = signal<Words>(storedLanguage());

// Parts of the state that are drawn apart.
export const status = computed(() => state.value?.status);
/** Set while a watcher serves the page, who takes no orders. */
export const watch = computed(() => state.value?.status.watch);
export const places = computed(() => state.value?.places);
export const story = computed(() => state.value?.story);
export const tests = computed(() => state.value?.tests);
export const totals = computed(() => state.value?.totals);
export const windows = computed(() => state.value?.windows);
export const marks = computed(() => state.value?.marks);
export const usage = computed(() => state.value?.usage);
export const logs = computed(() => state.value?.logs);
export const canAct = computed(() => state.value?.canAct === true && pageKey.value !== null);
export const canMeasure = computed(() => state.value?.canMeasure === true);

let messages: Message[] = [];
let isFlushPlanned = false;

export function take(message: Message): void {
  messages.push(message);
  if (isFlushPlanned) return;
  isFlushPlanned = true;
  if (document.hidden) setTimeout(flush, HIDDEN_FLUSH_MS);
  else requestAnimationFrame(flush);
}

// A picture that was asked for before the page was hidden may never come.
document.addEventListener("visibilitychange", flush);

function flush(): void {
  isFlushPlanned = false;
  const taken = messages;
  messages = [];
  if (taken.length > 0) state.value = taken.reduce(afterMessage, state.value);
}

function afterMessage(before: PageState | undefined, message: Message): PageState | undefined {
  if (message.sort === "snapshot") return fromSnapshot(message.value);
  if (before === undefined) return undefined;
  return message.sort === "event" ? hear(before, message.value) : withStatus(before, message.value);
}

export function nameOf(vantage: string): string {
  const own = words.value.cities[vantage];
  return own ?? status.value?.vantages.find((known) => known.vantage === vantage)?.city ?? vantage;
}

export function chooseSite(site: string): void {
  if (chosenSite.value !== site) chosenNode.value = null;
  chosenSite.value = site;
}

export function toggleLanguage(): void {
  words.value = words.value === ENGLISH ? CHINESE : ENGLISH;
  store(LANGUAGE_KEY, words.value.code);
}

export function toggleTheme(): void {
  theme.value = isDark() ? "light" : "dark";
  store(THEME_KEY, theme.value);
}

export function isDark(): boolean {
  if (theme.value !== "auto") return theme.value === "dark";
  return !matchMedia("(prefers-color-scheme: light)").matches;
}

function storedTheme(): "dark" | "light" | "auto" {
  const value = stored(THEME_KEY);
  return value === "dark" || value === "light" ? value : "auto";
}

function storedLanguage(): Words {
  const code = stored(LANGUAGE_KEY) ?? navigator.language;
  return code.startsWith("zh") ? CHINESE : ENGLISH;
}

/** A browser may forbid storage: then a choice lasts as long as the page. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See `stored`.
  }
}
