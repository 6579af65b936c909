/**
 * The lab's orders to its relay, over the relay's HTTP API: the same way that everybody else's take, so that they have an
 * answer and meet the same checks.
 */
import { request } from "undici";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import type { RelayConfig } from "#core/wire/cast.ts";
import type { ProxyView, RelayProxy, ToxicView } from "#core/wire/relay.ts";
import { httpUrl } from "../http-url.ts";

/** Orders take a millisecond; a relay that is being started anew is there within this time. */
const ANSWER_MS_MAX = 2_000;

export class RelayClient {
  readonly url: string;
  readonly #proxies: readonly RelayProxy[];

  constructor({ apiHost, apiPort, proxies }: Pick<RelayConfig, "apiHost" | "apiPort" | "proxies">) {
    this.url = httpUrl(apiHost, apiPort);
    this.#proxies = proxies;
  }

  async proxies(): Promise<Readonly<Record<string, ProxyView>>> {
    return (await this.#ask("GET", "/proxies")) as Readonly<Record<string, ProxyView>>;
  }

  /** In force on open connections too when this resolves. */
  async addToxic(proxy: string, toxic: Partial<ToxicView> & Pick<ToxicView, "type">): Promise<ToxicView> {
    return (await this.#ask("POST", `/proxies/${encodeURIComponent(proxy)}/toxics`, toxic)) as ToxicView;
  }

  async removeToxic(proxy: string, name: string): Promise<void> {
    await this.#ask("DELETE", `/proxies/${encodeURIComponent(proxy)}/toxics/${encodeURIComponent(name)}`);
  }

  /** As at the start: the proxies of the lab are there and enabled, and no proxy has a toxic. */
  async restore(): Promise<void> {
    await this.#ask("POST", "/populate", this.#proxies);
    await this.#ask("POST", "/reset");
  }

  /** Throws `RELAY_REFUSED` with the relay's own words, or `RELAY_MUTE`. */
  async #ask(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<unknown> {
    let status: number;
    let text: string;
    try {
      const answer = await request(`${this.url}${path}`, {
        method,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      status = answer.statusCode;
      text = await answer.body.text();
    } catch (error) {
      throw new UserError("RELAY_MUTE", `the relay at ${this.url} does not answer: ${messageOf(error)}`, {
        hint: "it is started again when it has died; `anycastle status` tells when it is back",
        exitCode: EXIT.failure,
        cause: error,
      });
    }
    if (status < 300) return text === "" ? undefined : JSON.parse(text);
    throw new UserError(
      "RELAY_REFUSED",
      `the relay refused ${method} ${path}: ${text.trim().slice(0, 300)}`,
      {
        exitCode: EXIT.failure,
      },
    );
  }
}
