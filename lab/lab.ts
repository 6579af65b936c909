/**
 * A lab: a running cast (simulator, gateway, edge nodes, guardian: processes of their own), its journal and its control
 * API. The lab starts, kills, freezes, isolates and revives; it tells neither the gateway nor the simulator that
 * anybody died. What the parts do stands in `cast.ts` (processes), `operator.ts` (orders), `journal.ts`.
 */
import { flushCompileCache } from "node:module";
import { codeOf, EXIT, messageOf, UserError } from "#core/errors.ts";
import { BFD_DEFAULTS } from "#core/detection.ts";
import { DEFAULT_PLACES } from "#core/geography/places.ts";
import { nowMs, wallClock, type Timer } from "#core/host/clock.ts";
import { randomToken } from "#core/host/random.ts";
import { watchStalls } from "#core/host/stalls.ts";
import {
  STATUS_SCHEMA,
  type ActionReply,
  type FailReply,
  type FailRequest,
  type LabFile,
  type LabStatus,
  type MisbehaveRequest,
  type TargetRequest,
} from "#core/wire/control.ts";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import type { LivePlaces, LiveWorld } from "#core/wire/world.ts";
import { planCast, type CastPlan, type CastSettings } from "./cast-plan.ts";
import { CastState } from "./cast-state.ts";
import { Cast } from "./cast.ts";
import { CompileCache } from "./compile-cache.ts";
import { startControl, type RunningControl } from "./control/control.ts";
import { httpUrl } from "./http-url.ts";
import { JournalFile } from "./journal-file.ts";
import { Journal } from "./journal.ts";
import type { Measurer } from "./measurer.ts";
import { RuntimeLock } from "./runtime-lock.ts";
import { Operator } from "./operator.ts";
import { choosePort, movedNote, type WantedPort } from "./ports.ts";
import { RelayClient } from "./relay/relay-client.ts";
import {
  labFilePath,
  prepareRuntimeDir,
  refuseSecondLab,
  removeLabFile,
  replaceLabFile,
  writeLabFile,
} from "./runtime-dir.ts";
import { until, waitFor, type WaitOptions } from "./waiting.ts";

const STALL_MS = 200;
/** After this long without all sites a start has failed. */
const READY_MS_MAX = 30_000;
/** On a gentle stop: how long the gateway may finish what is open. */
const STOP_DRAIN_MS = 4_000;
/** Threads for files and names in a child, which has little of both. */
const CHILD_THREADS = "2";

export interface LabOptions {
  readonly seed: number;
  readonly mode: CastSettings["mode"];
  /** 1 to 8. */
  readonly nodesPerSite: number;
  readonly gatewayPort: WantedPort;
  readonly controlPort: WantedPort;
  /** Address of gateway and control API; everything else is on loopback. */
  readonly listenHost: string;
  readonly runtimeDir: string;
  /** Undefined: the journal lives in memory only. */
  readonly journalFile: string | undefined;
  readonly holdTimeS: number;
  /** Between each node and its router; undefined: off, and silence is the hold timer's. */
  readonly bfd: CastSettings["bfd"];
  readonly thinkTimeMs: number;
  readonly drain: { readonly quietMs: number; readonly maxMs: number };
  readonly version: string;
  /** Undefined: the default world. Its sites must be some of the default one's. */
  readonly world?: LiveWorld;
  /** Toxiproxy's API, on loopback, with a relay before every node; absent: neither. */
  readonly toxiproxyPort?: WantedPort;
  /** Where compiled code is kept; by default in the user's cache directory. */
  readonly cacheDir?: string;
  /** Somebody asked over the control API that the lab stop. By default this process gets a SIGTERM. */
  readonly onStopAsked?: () => void;
}

export const LAB_DEFAULTS = {
  mode: "anycast",
  nodesPerSite: 2,
  gatewayPort: { port: 8080, isStrict: false },
  controlPort: { port: 8081, isStrict: false },
  listenHost: "127.0.0.1",
  holdTimeS: 9,
  bfd: BFD_DEFAULTS,
  thinkTimeMs: 25,
  drain: { quietMs: 500, maxMs: 5_000 },
} as const;

const NODES_PER_SITE_MAX = 8;
const GATEWAY = "the gateway";
const CONTROL = "the control API";
const TOXIPROXY = "Toxiproxy's API";
/** It takes orders without a token, so nobody else's host may send it any. */
const TOXIPROXY_HOST = "127.0.0.1";

/** Somebody else may take a free port before it is bound; then the next one is tried, so often. */
const CONTROL_TRIES_MAX = 5;

interface LabPorts {
  gateway: number;
  control: number;
  /** What people should know: a default port was taken. */
  readonly notes: string[];
}

export class Lab {
  readonly journal: Journal;
  readonly token = randomToken();
  readonly gatewayAdminUrl: string;
  /** Orders to the relay before the nodes; undefined: there is none. */
  readonly relay: RelayClient | undefined;
  readonly #options: LabOptions;
  readonly #lock: RuntimeLock;
  readonly #ports: LabPorts;
  /** Which sites and vantages there are. */
  readonly places: LivePlaces;
  readonly #state: CastState;
  readonly #cache: CompileCache;
  readonly #cast: Cast;
  readonly #operator: Operator;
  readonly #startedMs = nowMs();
  readonly #startedAt = wallClock();
  readonly #isGone = new AbortController();
  #control: RunningControl | undefined;
  #measurer: Measurer | undefined;
  #stalls: Timer | undefined;
  #isReady = false;
  #isGatewayMoving = false;
  /** Its port is known to people now, and is not changed any more. */
  #hasGatewayServed = false;
  #stopping: Promise<void> | undefined;

  /** Resolves when the control API answers and the cast is being started; `untilReady` waits for the sites. */
  static async start(options: LabOptions): Promise<Lab> {
    checkOptions(options);
    prepareRuntimeDir(options.runtimeDir);
    refuseSecondLab(options.runtimeDir);
    const lock = await RuntimeLock.take(options.runtimeDir);
    try {
      return await Lab.#start(options, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  static async #start(options: LabOptions, lock: RuntimeLock): Promise<Lab> {
    const { listenHost, gatewayPort, controlPort, toxiproxyPort } = options;
    // A gateway that moves does not move onto the other's default.
    const avoid = gatewayPort.isStrict ? [] : [controlPort.port];
    const gateway = await choosePort(listenHost, gatewayPort, GATEWAY, avoid);
    const control = await choosePort(listenHost, controlPort, CONTROL, [gateway]);
    const relay =
      toxiproxyPort && (await choosePort(TOXIPROXY_HOST, toxiproxyPort, TOXIPROXY, [gateway, control]));
    const notes = [
      movedNote(listenHost, gatewayPort, GATEWAY, gateway),
      movedNote(listenHost, controlPort, CONTROL, control),
      toxiproxyPort && movedNote(TOXIPROXY_HOST, toxiproxyPort, TOXIPROXY, relay!),
    ].filter((note) => note !== undefined);
    const plan = await planCast({
      ...options,
      gatewayHost: listenHost,
      gatewayPort: gateway,
      ...(relay === undefined ? {} : { relayPort: relay }),
    });
    const lab = new Lab(options, lock, plan, { gateway, control, notes });
    try {
      await lab.#open();
    } catch (error) {
      await lab.stop("the start failed", "now");
      throw error;
    }
    return lab;
  }

  private constructor(options: LabOptions, lock: RuntimeLock, plan: CastPlan, ports: LabPorts) {
    const { journalFile, version, cacheDir } = options;
    this.#options = options;
    this.places = options.world ?? DEFAULT_PLACES;
    this.#state = new CastState(this.places);
    this.#lock = lock;
    this.#ports = ports;
    this.gatewayAdminUrl = plan.gatewayAdminUrl;
    this.relay = plan.relay && new RelayClient(plan.relay);
    this.journal = new Journal(journalFile === undefined ? undefined : new JournalFile(journalFile));
    this.journal.subscribe((event) => {
      this.#state.hear(event);
      if (event.kind === "process.ready" && event.process === "gateway") this.#hasGatewayServed = true;
      if (event.kind === "process.exited" && event.process === "gateway") this.#gatewayEnded(event);
    });
    this.#cache = CompileCache.open(version, cacheDir);
    const gatewayToken = randomToken();
    const environment = { ...this.#cache.environment(), UV_THREADPOOL_SIZE: CHILD_THREADS };
    this.#cast = new Cast(this.journal, { plan, gatewayToken, environment });
    this.#cast.clearAtEnd(options.runtimeDir);
    this.#operator = new Operator({
      journal: this.journal,
      cast: this.#cast,
      state: this.#state,
      gatewayAdminUrl: plan.gatewayAdminUrl,
      gatewayToken,
    });
  }

  /** Where clients connect. It moves when a default port is taken before the gateway could bind it. */
  get gatewayUrl(): string {
    return httpUrl(this.#options.listenHost, this.#ports.gateway);
  }

  get controlUrl(): string {
    return httpUrl(this.#options.listenHost, this.#ports.control);
  }

  /** All sites were announced once and the gateway trusted every node. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get runtimeDir(): string {
    return this.#options.runtimeDir;
  }

  /** Defaults that were taken, a sentence each. */
  get notes(): readonly string[] {
    return this.#ports.notes;
  }

  /** All sites announced and settled, every vantage served, every node trusted by the gateway. */
  async untilReady(): Promise<void> {
    const isReady = await until(this.journal, READY_MS_MAX, () => this.#isWhole(), this.#isGone.signal);
    if (isReady) return;
    const { aborted } = this.#isGone.signal;
    throw new UserError(
      "LAB_NOT_READY",
      aborted ? "the lab was stopped" : `after ${READY_MS_MAX / 1000} s the cast is not complete`,
      { hint: this.#missing(), exitCode: EXIT.failure },
    );
  }

  status(): LabStatus {
    const { seed, mode, version, world } = this.#options;
    return {
      schema: STATUS_SCHEMA,
      version,
      seed,
      mode,
      pid: process.pid,
      startedAt: this.#startedAt,
      isReady: this.#isReady,
      gatewayUrl: this.gatewayUrl,
      controlUrl: this.controlUrl,
      ...(this.relay === undefined ? {} : { toxiproxyUrl: this.relay.url }),
      feed: this.#state.feed,
      sites: this.#state.sites(this.#cast.slots),
      vantages: this.#state.vantages(),
      processes: this.#cast.processes(),
      ...(world === undefined ? {} : { places: { sites: world.sites, vantages: world.vantages } }),
    };
  }

  /** A link that opens the page so that it may act, once. Throws `LAB_NOT_READY` before the control API answers. */
  pageLink(): string {
    return `${this.controlUrl}/#key=${this.#openControl().issueKey()}`;
  }

  /** Whoever can test and load on behalf of the page. */
  useMeasurer(measurer: Measurer): void {
    this.#measurer = measurer;
  }

  get measurer(): Measurer | undefined {
    return this.#measurer;
  }

  /** Throws `MEASURER_NONE`. */
  requireMeasurer(): Measurer {
    if (this.#measurer !== undefined) return this.#measurer;
    throw new UserError("MEASURER_NONE", "this lab was started without anything that measures", {
      hint: "use `npx anycastle test` and `npx anycastle load`",
      exitCode: EXIT.failure,
    });
  }

  nodeUrls(): readonly string[] {
    return this.#cast.slots.map(({ url }) => url);
  }

  /** `source` is the process that reports itself: the lab, or `load`. */
  emit(body: EventBody, source = "lab"): JournalEvent {
    return this.journal.emit(body, undefined, source);
  }

  /** Makes the nodes of a target fail, all in the same turn; resolves when that was seen to have worked. */
  fail(request: FailRequest): Promise<FailReply> {
    return this.#operator.fail(request);
  }

  /** Makes the nodes of a target do something wrong; resolves when each has said that it does. */
  misbehave(request: MisbehaveRequest): Promise<ActionReply> {
    return this.#operator.misbehave(request);
  }

  /** Undoes faults and drains of a target. The nodes come back into service by proving themselves. */
  revive(request: TargetRequest): Promise<ActionReply> {
    return this.#operator.revive(request);
  }

  /** Resolves when each node has drained and the gateway gives it no new requests. */
  drain(request: TargetRequest): Promise<ActionReply> {
    return this.#operator.drain(request);
  }

  /** Everything back as at the start. Resolves when the cast is whole again. */
  async reset(): Promise<ActionReply> {
    const [nodes] = await Promise.all([this.#operator.mendAll(), this.relay?.restore()]);
    await this.untilReady();
    const { atNs } = this.journal.emit({ kind: "reset.done", nodes });
    return { nodes, atNs };
  }

  /** The first event after `sinceSeq` (default: now) for which `isIt`. Rejects with `WAIT_TIMEOUT`. */
  waitFor(isIt: (event: JournalEvent) => boolean, options: WaitOptions): Promise<JournalEvent> {
    return waitFor(this.journal, isIt, options);
  }

  /** `drain`: the gateway finishes what is open, for a bounded time. `now`: all are killed, also in a drain under way. */
  async stop(why: string, how: "drain" | "now"): Promise<void> {
    if (this.#stopping === undefined) this.journal.emit({ kind: "lab.stopping", why });
    if (how === "now") this.#cast.kill();
    this.#stopping ??= this.#close();
    await this.#stopping;
  }

  /** Somebody asked over the control API. */
  askToStop(): void {
    const { onStopAsked } = this.#options;
    if (onStopAsked === undefined) process.kill(process.pid, "SIGTERM");
    else onStopAsked();
  }

  #openControl(): RunningControl {
    if (this.#control !== undefined) return this.#control;
    throw new UserError("LAB_NOT_READY", "the control API does not answer yet", { exitCode: EXIT.failure });
  }

  async #close(): Promise<void> {
    this.#isGone.abort();
    this.#stalls?.cancel();
    await this.#cast.stop(STOP_DRAIN_MS);
    await this.#control?.close();
    removeLabFile(labFilePath(this.#options.runtimeDir), process.pid);
    await this.journal.close();
    this.#lock.release();
  }

  async #open(): Promise<void> {
    const { seed, mode, version, runtimeDir } = this.#options;
    this.journal.emit({ kind: "lab.started", seed, mode, version });
    for (const line of this.notes) this.#log(line);
    this.#control = await this.#startControl();
    writeLabFile(runtimeDir, this.#word());
    this.#stalls = watchStalls(STALL_MS, (durationMs) =>
      this.journal.emit({ kind: "stall", process: "lab", durationMs: Math.round(durationMs) }),
    );
    void this.#tellWhenReady();
    const isStaged = !this.#cache.isWarm;
    if (isStaged) flushCompileCache(); // What the lab has compiled of the core, its children need not.
    this.#cast.startFirst();
    void this.#cast.startOthers(isStaged);
  }

  /** What commands find the lab by. */
  #word(): LabFile {
    const { controlUrl, gatewayUrl, token } = this;
    return { pid: process.pid, controlUrl, gatewayUrl, token, startedAt: this.#startedAt };
  }

  async #startControl(): Promise<RunningControl> {
    const { listenHost: host, controlPort } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        return await startControl(this, { host, port: this.#ports.control, token: this.token });
      } catch (error) {
        if (codeOf(error) !== "PORT_BUSY" || tries >= CONTROL_TRIES_MAX) throw error;
        const wanted = { port: this.#ports.control, isStrict: isInsistent(controlPort) };
        this.#ports.control = await choosePort(host, wanted, CONTROL, [this.#ports.gateway]);
        this.#note(movedNote(host, wanted, CONTROL, this.#ports.control));
      }
    }
  }

  /** A gateway that ended before it could be used may have met somebody on its port. */
  #gatewayEnded({ wasAsked }: { readonly wasAsked: boolean }): void {
    if (wasAsked || this.#isGatewayMoving || this.#hasGatewayServed) return;
    this.#isGatewayMoving = true;
    this.#moveGateway()
      .catch((error: unknown) => this.#log(messageOf(error)))
      .finally(() => (this.#isGatewayMoving = false));
  }

  /** To the next free port, if its own is taken; one that was asked for is insisted on, and its holder is told. */
  async #moveGateway(): Promise<void> {
    const { listenHost: host, gatewayPort, runtimeDir } = this.#options;
    const wanted = { port: this.#ports.gateway, isStrict: isInsistent(gatewayPort) };
    const port = await choosePort(host, wanted, GATEWAY);
    if (port === wanted.port || this.#stopping !== undefined) return;
    this.#ports.gateway = port;
    this.#cast.moveGateway(host, port);
    this.#note(movedNote(host, wanted, GATEWAY, port));
    replaceLabFile(runtimeDir, this.#word());
  }

  #note(line: string | undefined): void {
    if (line === undefined) return;
    this.#ports.notes.push(line);
    this.#log(line);
  }

  #log(line: string): void {
    this.journal.emit({ kind: "process.log", process: "lab", line });
  }

  async #tellWhenReady(): Promise<void> {
    if (!(await until(this.journal, READY_MS_MAX, () => this.#isWhole(), this.#isGone.signal))) return;
    this.#isReady = true;
    this.#cache.markWarm();
    this.journal.emit({ kind: "lab.ready", sinceStartMs: Math.round(nowMs() - this.#startedMs) });
  }

  #isWhole(): boolean {
    const state = this.#state;
    return (
      this.#cast.isGatewayReady &&
      this.#cast.isRelayReady &&
      state.feed === "live" &&
      state.isSettled &&
      this.places.sites.every(({ site }) => state.isAnnounced(site)) &&
      state.vantages().every(({ site }) => site !== null) &&
      this.#cast.slots.every(({ node }) => this.#isTrusted(node))
    );
  }

  /** In mode `anycast-only` the gateway checks nobody. */
  #isTrusted(node: string): boolean {
    if (this.#state.serving(node) !== "ready" || this.#isWithoutBfd(node)) return false;
    return this.#options.mode === "anycast-only" || this.#state.gatewayHealth(node) === "healthy";
  }

  /** Where there is BFD, a lab without it would not notice silence as it promises. */
  #isWithoutBfd(node: string): boolean {
    return this.#options.bfd !== undefined && !this.#state.isBfdUp(node);
  }

  #missing(): string {
    const sites = this.places.sites
      .filter(({ site }) => !this.#state.isAnnounced(site))
      .map(({ site }) => site);
    if (sites.length > 0) return `not announced: ${sites.join(", ")}`;
    const mute = this.#cast.slots.filter(({ node }) => this.#isWithoutBfd(node)).map(({ node }) => node);
    if (mute.length > 0) return `no BFD with ${mute.join(", ")}; --no-bfd does without it`;
    const nodes = this.#cast.slots.filter(({ node }) => !this.#isTrusted(node)).map(({ node }) => node);
    if (nodes.length > 0) return `not trusted by the gateway: ${nodes.join(", ")}`;
    return "`anycastle events` shows what its processes say";
  }
}

/** Any port will do where 0 was asked for. */
function isInsistent({ port, isStrict }: WantedPort): boolean {
  return isStrict && port !== 0;
}

function checkOptions({ nodesPerSite }: LabOptions): void {
  if (Number.isInteger(nodesPerSite) && nodesPerSite >= 1 && nodesPerSite <= NODES_PER_SITE_MAX) return;
  throw new UserError("NODES_INVALID", `${nodesPerSite} nodes a site is not in 1..${NODES_PER_SITE_MAX}`, {
    hint: "--nodes 2",
  });
}
