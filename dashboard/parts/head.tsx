/** The top of the page: what it is, whether it is live, and its two switches. */
import { isDark, link, state, status, story, toggleLanguage, toggleTheme, words } from "../store.ts";
import { moodOf } from "../model/site-state.ts";

export function Head() {
  const { tagline } = words.value;
  const known = status.value;
  return (
    <header class="head">
      <h1>
        <Logo />
        Anycastle
      </h1>
      <p class="tagline">{tagline}</p>
      <Condition />
      {known === undefined ? null : (
        <p class="run">
          {[`v${known.version}`, known.mode, known.seed === null ? null : `seed ${known.seed}`]
            .filter((part) => part !== null)
            .join(" · ")}
        </p>
      )}
      <Toggles />
    </header>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <circle class="logo-ring" cx="16" cy="16" r="11" />
      <circle class="logo-core" cx="16" cy="16" r="4" />
    </svg>
  );
}

export function Toggles() {
  const { toggle, languageName } = words.value;
  return (
    <div class="toggles">
      <button type="button" onClick={toggleTheme} aria-pressed={isDark()} title={toggle.theme}>
        <span aria-hidden="true">◐</span>
        <span class="hidden">{toggle.theme}</span>
      </button>
      <button type="button" onClick={toggleLanguage} lang={languageName === "English" ? "zh-CN" : "en"}>
        {toggle.language}
      </button>
    </div>
  );
}

/** One sentence, the worst that is true. */
function Condition() {
  const [mood, text] = condition();
  return (
    <p class={`condition ${mood}`} role="status">
      <span class="dot" aria-hidden="true" />
      {text}
    </p>
  );
}

function condition(): readonly [mood: "ok" | "warn" | "alert", text: string] {
  const { state: said } = words.value;
  if (link.value === "lost") return ["alert", said.lost];
  const known = status.value;
  if (known === undefined || state.value === undefined) return ["warn", said.connecting];
  if (known.watch?.isGatewayThere === false) return ["alert", said.gatewaySilent];
  if (known.watch?.isSimulatorThere === false) return ["alert", said.simulatorSilent];
  if (!known.isReady && story.value?.isFault !== true) return ["warn", said.starting];
  if (known.feed === "stale") return ["warn", said.stale];
  const unwell = known.sites.flatMap(({ nodes }) => nodes).filter((node) => moodOf(node) !== "well").length;
  return unwell === 0 ? ["ok", said.inService] : ["alert", said.degraded(unwell)];
}
