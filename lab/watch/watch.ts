/**
 * The page beside a cast that no lab started, for looking: it follows a simulator's feed, asks simulator and gateway for
 * their status, turns what has changed into the page's events, and serves the same page that a lab serves. It takes no
 * orders: nothing here could start or end a process of somebody else.
 *
 *   simulator --feed, status--> WatchedCast --events--> Journal (in memory) --> PageHub --> pages
 *   gateway   --status-------->
 *
 * Events are stamped when they are noticed here: of the feed as it tells them, of a status up to `LOOK_MS` later. What is
 * measured (`emit`) comes from whoever composes this, who may know how to measure.
 */
import type { FastifyInstance } from "fastify";
import { codeOf, EXIT, messageOf, UserError } from "#core/errors.ts";
import { DEFAULT_PLACES } from "#core/geography/places.ts";
import { every, nowNs, type Timer } from "#core/host/clock.ts";
import { createControlServer } from "#core/host/control-server.ts";
import { randomToken } from "#core/host/random.ts";
import type { EventBody } from "#core/wire/events.ts";
import { GATEWAY_STATUS_SCHEMA } from "#core/wire/gateway-status.ts";
import { SIM_STATUS_SCHEMA } from "#core/wire/sim-status.ts";
import { Journal, JOURNAL_LIMITS } from "../journal.ts";
import { addPageFiles } from "../page/page-files.ts";
import { PageHub } from "../page/page-hub.ts";
import { addStream, newRunName } from "../page/page-routes.ts";
import { placesOf } from "../page/places.ts";
import { getDocument, type DocumentKind } from "./bounded-get.ts";
import { FeedFollower } from "./feed-follower.ts";
import { gatewayStatusOf, simStatusOf } from "./tellings.ts";
import { WatchedCast } from "./watched-cast.ts";

/** A status is a few kilobytes; a person sees no difference to sooner. */
const LOOK_MS = 250;
/** Nobody reads further back than a page that resumes. */
const EVENTS_MAX = 20_000;
const READ_ONLY =
  "this page watches a cast that somebody else started; whoever started it ends it, with `docker kill` for one";

export interface WatchOptions {
  /** Where clients reach the gateway, for the page to tell. */
  readonly gatewayUrl: string;
  /** Base URL of the gateway's admin API, and of the simulator. */
  readonly adminUrl: string;
  readonly simUrl: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Names under which browsers reach it, beside loopback and its own addresses. */
  readonly hostNames: readonly string[];
  readonly version: string;
  /** How often whoever composes this measures, for the page to tell; null: never. */
  readonly testMs: number | null;
}

const GATEWAY_STATUS = { schema: GATEWAY_STATUS_SCHEMA, read: gatewayStatusOf };
const SIM_STATUS = { schema: SIM_STATUS_SCHEMA, read: simStatusOf };

type Service = "gateway" | "sim";

export class Watch {
  readonly journal = new Journal(undefined, { ...JOURNAL_LIMITS, eventsMax: EVENTS_MAX });
  readonly #options: WatchOptions;
  readonly #cast: WatchedCast;
  readonly #hub: PageHub;
  readonly #server: FastifyInstance;
  readonly #feed: FeedFollower;
  readonly #isGone = new AbortController();
  /** Why a service does not answer; absent: it does, or has not been asked yet. */
  readonly #silences = new Map<Service, string>();
  readonly #busy = new Set<Service>();
  #looks: Timer | undefined;
  #url = "";

  constructor(options: WatchOptions) {
    this.#options = options;
    const { version, gatewayUrl, testMs, simUrl, hostNames } = options;
    this.#cast = new WatchedCast({ version, gatewayUrl, testMs, lookMs: LOOK_MS });
    this.#hub = new PageHub({
      journal: this.journal,
      status: () => this.#cast.status(),
      places: placesOf(DEFAULT_PLACES),
      canMeasure: () => false,
      run: newRunName(),
      onWatched: () => undefined,
    });
    this.#feed = new FeedFollower({
      url: new URL("/v1/catchments", simUrl).href,
      onLine: (line) => {
        this.#tell(this.#cast.hearFeed(line), "sim");
        if (line.type !== "heartbeat") this.#hub.statusChanged();
      },
      onLost: () => {
        this.#cast.loseFeed();
        this.#hub.statusChanged();
      },
    });
    // Nobody has the token: there is nothing to order.
    this.#server = createControlServer({ token: randomToken(), hostNames, readOnlyBecause: READ_ONLY });
    addPageFiles(this.#server);
    addStream(this.#server, this.#hub, () => false);
    this.#server.get("/health", async () => ({ status: "healthy" }));
  }

  /** Where it is served. */
  get url(): string {
    return this.#url;
  }

  /** Resolves when the page can be opened; whether anybody is there to be watched it finds out by itself. */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    try {
      this.#url = `${await this.#server.listen({ host, port })}/`;
    } catch (error) {
      throw new UserError("PAGE_PORT", `the page cannot listen on ${host}:${port}: ${messageOf(error)}`, {
        hint: "choose another with --listen host:port; port 0 takes a free one",
        exitCode: codeOf(error) === "EADDRINUSE" ? EXIT.failure : EXIT.usage,
        cause: error,
      });
    }
    this.#feed.start();
    this.#looks = every(LOOK_MS, () => this.#look());
    this.#look();
  }

  /** What somebody measured. */
  emit(body: EventBody): void {
    this.journal.emit(body, nowNs(), "load");
  }

  async stop(): Promise<void> {
    this.#looks?.cancel();
    this.#feed.stop();
    this.#isGone.abort();
    this.#hub.close();
    await this.#server.close();
  }

  #look(): void {
    const { adminUrl, simUrl } = this.#options;
    const gateway = new URL("/status", adminUrl).href;
    const sim = new URL("/v1/status", simUrl).href;
    void this.#ask("gateway", gateway, GATEWAY_STATUS, (status) => this.#cast.hearGateway(status, nowNs()));
    void this.#ask("sim", sim, SIM_STATUS, (status) => this.#cast.hearSim(status));
  }

  /** One question at a time: a service that answers slowly is asked less often. */
  async #ask<T>(
    service: Service,
    url: string,
    kind: DocumentKind<T>,
    hear: (status: T | undefined) => EventBody[],
  ): Promise<void> {
    if (this.#busy.has(service)) return;
    this.#busy.add(service);
    let status: T | undefined;
    let silence: string | undefined;
    try {
      status = await getDocument(url, kind, this.#isGone.signal);
    } catch (error) {
      silence = `${url}: ${messageOf(error)}`;
    }
    this.#busy.delete(service);
    if (this.#isGone.signal.aborted) return;
    const before = JSON.stringify(this.#cast.status());
    this.#tell(hear(status), service);
    this.#tellSilence(service, silence);
    if (JSON.stringify(this.#cast.status()) !== before) this.#hub.statusChanged();
  }

  /** When it begins, when it ends, and when its reason changes. */
  #tellSilence(service: Service, silence: string | undefined): void {
    const before = this.#silences.get(service);
    if (silence === before) return;
    if (silence === undefined) this.#silences.delete(service);
    else this.#silences.set(service, silence);
    this.#tell([{ kind: "process.log", process: service, line: silence ?? "it answers again" }], "page");
  }

  #tell(bodies: readonly EventBody[], source: string): void {
    for (const body of bodies) this.journal.emit(body, nowNs(), source);
  }
}
