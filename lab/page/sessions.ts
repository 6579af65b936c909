/**
 * Who may act from a browser. The lab hands out links with a secret that opens one session, once: the page posts the
 * secret and gets a cookie that scripts cannot read and that no other site's requests carry. A link that was used, or
 * seen in somebody's history, opens nothing.
 *
 * The secret stands in the link's fragment: a browser sends it to nobody, so looking at a link uses nothing up.
 */
import { EXIT, UserError } from "#core/errors.ts";
import { randomToken } from "#core/host/random.ts";

/** Links handed out and not used yet; the oldest ends first. */
const LINKS_MAX = 16;
/** Browsers that may act at once; the oldest ends first. */
const SESSIONS_MAX = 32;

export class PageSessions {
  readonly #cookieName: string;
  readonly #keys = new Set<string>();
  readonly #sessions = new Set<string>();

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

  /** Uses a link up. Returns the value of `Set-Cookie`; throws `LINK_USED`. */
  open(key: string): string {
    if (!this.#keys.delete(key)) {
      throw new UserError("LINK_USED", "this link was used already, or is of another run of the lab", {
        hint: "`npx anycastle page` prints a new one",
        exitCode: EXIT.usage,
      });
    }
    const session = randomToken();
    this.#sessions.add(session);
    dropOldest(this.#sessions, SESSIONS_MAX);
    return `${this.#cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`;
  }

  /** `cookies` is a Cookie field. */
  isSession(cookies: string | undefined): boolean {
    for (const pair of cookies?.split(";") ?? []) {
      const [name, value] = pair.trim().split("=", 2);
      if (name === this.#cookieName && value !== undefined && this.#sessions.has(value)) return true;
    }
    return false;
  }
}

/** A Set keeps the order in which its values came. */
function dropOldest(values: Set<string>, countMax: number): void {
  for (const value of values) {
    if (values.size <= countMax) return;
    values.delete(value);
  }
}
