/**
 * Who may act from a browser. The lab hands out links with a secret that opens one session, once: the page posts the
 * secret and gets two more. One is a cookie, which scripts cannot read and no other site's requests carry; but a browser
 * sends it to every port of the host, and whoever listens at one of them sees it. The other is the page's key, which the
 * page keeps in its own storage, and that knows ports. Only both together are a session. A link that was used, or seen
 * in somebody's history, opens nothing.
 *
 * The secret stands in the link's fragment: a browser sends it to nobody, so looking at a link uses nothing up.
 */
import { EXIT, UserError } from "#core/errors.ts";
import { randomToken } from "#core/host/random.ts";
import { isSameSecret } from "#core/host/same-secret.ts";

/** Links handed out and not used yet; the oldest ends first. */
const LINKS_MAX = 16;
/** Browsers that may act at once; the oldest ends first. */
const SESSIONS_MAX = 32;

export class PageSessions {
  readonly #cookieName: string;
  readonly #keys = new Set<string>();
  /** Key of the page, by the value of the cookie. */
  readonly #sessions = new Map<string, string>();

  /** Cookies know no port: the name keeps two labs of one host apart. */
  constructor(port: number) {
    this.#cookieName = `anycastle-${port}`;
  }

  /** The secret of a new link. */
  issueKey(): string {
    const key = randomToken();
    this.#keys.add(key);
    dropOldest(this.#keys, LINKS_MAX);
    return key;
  }

  /** Uses a link up. Returns the value of `Set-Cookie` and the page's key; throws `LINK_USED`. */
  open(key: string): { readonly cookie: string; readonly pageKey: string } {
    if (!this.#keys.delete(key)) {
      throw new UserError("LINK_USED", "this link was used already, or is of another run of the lab", {
        hint: "`npx anycastle page` prints a new one",
        exitCode: EXIT.usage,
      });
    }
    const session = randomToken();
    const pageKey = randomToken();
    this.#sessions.set(session, pageKey);
    dropOldest(this.#sessions, SESSIONS_MAX);
    return { cookie: `${this.#cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`, pageKey };
  }

  /** May act. `cookies` is a Cookie field. */
  isSession(cookies: string, pageKey: string): boolean {
    return this.#keysOf(cookies).some((known) => isSameSecret(pageKey, known));
  }

  /** Has the cookie of a session, and may act if it is the page that has the key too. */
  isKnown(cookies: string | undefined): boolean {
    return this.#keysOf(cookies).length > 0;
  }

  #keysOf(cookies = ""): string[] {
    const keys: string[] = [];
    for (const pair of cookies.split(";")) {
      const [name, value = ""] = pair.trim().split("=", 2);
      const key = name === this.#cookieName ? this.#sessions.get(value) : undefined;
      if (key !== undefined) keys.push(key);
    }
    return keys;
  }
}

/** Both keep the order in which their entries came. */
function dropOldest(entries: Set<string> | Map<string, string>, countMax: number): void {
  for (const entry of entries.keys()) {
    if (entries.size <= countMax) return;
    entries.delete(entry);
  }
}
