/** The start of the page: uses the link's secret up if there is one, then follows the lab. */
import "./page.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { openSession } from "./orders.ts";
import { Page } from "./parts/page.tsx";
import { openReplay } from "./replay-store.ts";
import { isDark, isLinkUsed, link, take, theme, words } from "./store.ts";
import { LabStream } from "./stream.ts";

const KEY = /^#key=([\w-]+)$/;

await enter();
render(<Page />, document.getElementById("page")!);

effect(() => {
  document.documentElement.lang = words.value.code;
});
effect(() => {
  document.documentElement.dataset["theme"] =
    theme.value === "auto" ? (isDark() ? "dark" : "light") : theme.value;
});
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => {
  if (theme.value === "auto") document.documentElement.dataset["theme"] = isDark() ? "dark" : "light";
});

const stream = new LabStream({
  onSnapshot: (value) => take({ sort: "snapshot", value }),
  onEvent: (value) => take({ sort: "event", value }),
  onStatus: (value) => take({ sort: "status", value }),
  onReplay: openReplay,
  onLink: (value) => {
    link.value = value;
  },
});

// A new link that is opened in the page's own tab changes nothing but the fragment.
addEventListener("hashchange", () => void enter().then(() => stream.restart()));

/** The secret leaves the address bar before anything else. */
async function enter(): Promise<void> {
  const match = KEY.exec(location.hash);
  if (match === null) return;
  history.replaceState(null, "", "/");
  isLinkUsed.value = !(await openSession(match[1]!).catch(() => false));
}
