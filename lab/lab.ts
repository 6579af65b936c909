/**
 * A running cast: simulator, gateway and edge nodes as processes of their own, with a guardian that outlives the lab
 * by a moment. The lab starts, kills, freezes, isolates and revives; it writes the journal; it tells neither the
 * gateway nor the simulator that anybody died.
 *
 * Start is staged: the simulator, the gateway and one node first, so that the compile cache is filled once instead of
 * eighteen times, then the other nodes.
 */
import { mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { flushCompileCache } from "node:module";
import { request as httpRequest } from "undici";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { SITES } from "#core/geography/cities.ts";
import { after, nowMs, nowNs, wallClock, type Timer } from "#core/host/clock.ts";
import { randomToken } from "#core/host/random.ts";
import { watchStalls } from "#core/host/stalls.ts";
import { suggest } from "#core/suggest.ts";
import type { CastConfig } from "#core/wire/cast.ts";
import {
  STATUS_SCHEMA,
  type ActionReply,
  type FailReply,
  type FailRequest,
  type LabStatus,
  type ProcessStatus,
  type TargetRequest,
} from "#core/wire/control.ts";
import type { EventBody, JournalEvent, ProcessEvent } from "#core/wire/events.ts";
import { planCast, type CastPlan, type CastSettings } from "./cast-plan.ts";
import { CastProcess, type ProcessExit } from "./cast-process.ts";
import { CastState } from "./cast-state.ts";
import { startControl, type RunningControl } from "./control/control.ts";
import { within, type FaultTarget } from "./faults/fault.ts";
import { FAULTS } from "./faults/registry.ts";
import { Guardian } from "./guardian/guardian.ts";
import { Journal } from "./journal.ts";
import { NodeSlot } from "./node-slot.ts";
import { choosePort, type WantedPort } from "./ports.ts";
import { RestartPolicy } from "./restart-policy.ts";
import {
  labFilePath,
  prepareRuntimeDir,
  refuseSecondLab,
  removeLabFile,
  writeLabFile,
} from "./runtime-dir.ts";

const STALL_MS = 200;
/** After this long without all nine sites a start has failed. */
const READY_MS_MAX = 30_000;
const CABLE_MS_MAX = 1_000;
const DRAIN_MS_MAX = 15_000;
const PROVEN_MS_MAX = 20_000;
/** On stop: how long the cast may take to leave by itself. */
const STOP_MS_MAX = 8_000;

export interface LabOptions {
  readonly seed: number;
  readonly mode: CastSettings["mode"];
  readonly nodesPerSite: number;
  readonly gatewayPort: WantedPort;
  readonly controlPort: WantedPort;
  /** Address of gateway and control API. */
  readonly listenHost: string;
  readonly runtimeDir: string;
  readonly journalFile: string | undefined;
  readonly holdTimeS: number;
  readonly thinkTimeMs: number;
  readonly drain: { readonly quietMs: number; readonly maxMs: number };
  readonly version: string;
}

export const LAB_DEFAULTS = {
  mode: "anycast",
  nodesPerSite: 2,
  gatewayPort: { port: 8080, isStrict: false },
  controlPort: { port: 8081, isStrict: false },
  listenHost: "127.0.0.1",
  holdTimeS: 9,
  thinkTimeMs: 25,
  drain: { quietMs: 500, maxMs: 5_000 },
} as const;

export class Lab {
  readonly journal: Journal;
  readonly token = randomToken();
  readonly #options: LabOptions;
  readonly #state = new CastState();
  readonly #startedMs = nowMs();
  readonly #startedAt = wallClock();
  readonly #slots: readonly NodeSlot[];
  readonly #plan: CastPlan;
  readonly #guardian: Guardian;
  readonly #cacheDir: string;
  readonly #policies = new Map<string, RestartPolicy>();
  readonly #restarts = new Map<string, Timer>();
  readonly #gatewayPort: number;
  readonly #gatewayToken = randomToken();
  #sim: CastProcess | undefined;
  #gateway: CastProcess | undefined;
  #control: RunningControl | undefined;
  #stalls: Timer | undefined;
  #isReady = false;
  #isStopping = false;

  /** Resolves when the control API answers and every process was started; `untilReady` waits for the nine sites. */
  static async start(options: LabOptions): Promise<Lab> {
    prepareRuntimeDir(options.runtimeDir);
    refuseSecondLab(options.runtimeDir);
    const gatewayPort = await choosePort(options.listenHost, options.gatewayPort, "the gateway's port");
    const controlPort = await choosePort(options.listenHost, options.controlPort, "the control port", [
      gatewayPort,
    ]);
    const plan = await planCast({ ...options, gatewayHost: options.listenHost, gatewayPort });
    const lab = new Lab(options, plan, gatewayPort);
    try {
      await lab.#open(controlPort);
    } catch (error) {
      await lab.stop("the start failed", "now");
      throw error;
    }
    return lab;
  }

  private constructor(options: LabOptions, plan: CastPlan, gatewayPort: number) {
    this.#options = options;
    this.#plan = plan;
    this.#gatewayPort = gatewayPort;
    this.#slots = plan.nodes.map((config) => new NodeSlot(config));
    this.#cacheDir = compileCacheDir(options.version);
    this.journal = new Journal(options.journalFile);
    this.journal.subscribe((event) => this.#state.hear(event));
    this.#guardian = new Guardian({ NODE_COMPILE_CACHE: this.#cacheDir });
  }

  get gatewayUrl(): string {
    return `http://${this.#options.listenHost}:${this.#gatewayPort}`;
  }

  get gatewayAdminUrl(): string {
    return this.#plan.gatewayAdminUrl;
  }

  get controlUrl(): string {
    return this.#control?.url ?? "";
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** All nine sites announced, every vantage served, and the gateway trusts every node. */
  async untilReady(): Promise<void> {
    const isReady = await this.#until(READY_MS_MAX, () => this.#isWhole());
    if (isReady) return;
    const missing = SITES.filter(({ site }) => !this.#state.isAnnounced(site)).map(({ site }) => site);
    throw new UserError("LAB_NOT_READY", `after ${READY_MS_MAX / 1000} s the cast is not complete`, {
      hint:
        missing.length > 0 ? `not announced: ${missing.join(", ")}` : "see the journal's process.log lines",
      exitCode: EXIT.failure,
    });
  }

  status(): LabStatus {
    const { seed, mode, version } = this.#options;
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
      feed: this.#state.feed,
      sites: this.#state.sites(this.#slots),
      vantages: this.#state.vantages(),
      processes: [
        processStatus("sim", this.#sim),
        processStatus("gateway", this.#gateway),
        { process: "guardian", pid: this.#guardian.pid, state: "running" },
      ],
    };
  }

  emit(body: EventBody): void {
    this.journal.emit(body);
  }

  /** Makes the nodes of a target fail, all in the same turn; resolves when that was seen to have worked. */
  async fail({ target, how }: FailRequest): Promise<FailReply> {
    const slots = this.#slotsOf(target);
    for (const slot of slots) this.#refuseFault(slot);
    const nodes = slots.map((slot) => slot.config.node);
    const fault = FAULTS[how];
    const atNs = nowNs();
    for (const slot of slots) {
      slot.fault = how;
      fault.inject(this.#faultTarget(slot));
    }
    this.journal.emit({ kind: "fault.injected", target, how, nodes }, atNs);
    await Promise.all(
      slots.map(async (slot) => {
        const { node } = slot.config;
        try {
          const evidence = await fault.confirm(this.#faultTarget(slot));
          this.journal.emit({ kind: "fault.confirmed", target, how, node, evidence });
        } catch (error) {
          throw new UserError(
            "FAULT_UNCONFIRMED",
            `${how} of ${node} was not seen to work: ${messageOf(error)}`,
            {
              hint: `\`anycastle revive ${node}\` undoes it`,
              exitCode: EXIT.failure,
              cause: error,
            },
          );
        }
      }),
    );
    return { nodes, how, atNs };
  }

  /** Undoes faults and drains of a target. The nodes come back into service by proving themselves. */
  async revive({ target }: TargetRequest): Promise<ActionReply> {
    const slots = this.#slotsOf(target);
    const nodes = slots.map((slot) => slot.config.node);
    const { atNs } = this.journal.emit({ kind: "revive.asked", target, nodes });
    for (const slot of slots) this.#removeFault(slot, target);
    await Promise.all(slots.filter((slot) => slot.isDrained).map((slot) => this.#undrain(slot)));
    return { nodes, atNs };
  }

  /** GRACEFUL_SHUTDOWN, wait until the traffic has gone, withdraw; then the gateway gives it no new requests. */
  async drain({ target }: TargetRequest): Promise<ActionReply> {
    const slots = this.#slotsOf(target);
    for (const slot of slots) this.#refuseFault(slot);
    const nodes = slots.map((slot) => slot.config.node);
    const sinceSeq = this.journal.lastSeq;
    const { atNs } = this.journal.emit({ kind: "drain.started", target, nodes });
    for (const slot of slots) {
      slot.isDrained = true;
      slot.process?.send({ do: "drain" });
    }
    await Promise.all(
      slots.map(async (slot) => {
        const { node } = slot.config;
        await this.waitFor((event) => event.kind === "drain.finished" && event.node === node, {
          sinceSeq,
          timeoutMs: DRAIN_MS_MAX,
          what: `${node} to finish its drain`,
        });
        await this.#askGateway(`/nodes/${node}/drain`);
      }),
    );
    return { nodes, atNs };
  }

  /** Everything back as at the start. Resolves when the cast is whole again. */
  async reset(): Promise<ActionReply> {
    const slots = this.#slots.filter((slot) => slot.fault !== null || slot.isDrained);
    const nodes = slots.map((slot) => slot.config.node);
    for (const slot of slots) this.#removeFault(slot, slot.config.node);
    await Promise.all(slots.filter((slot) => slot.isDrained).map((slot) => this.#undrain(slot)));
    await this.untilReady();
    const { atNs } = this.journal.emit({ kind: "reset.done", nodes });
    return { nodes, atNs };
  }

  /** The first event after `sinceSeq` (default: now) for which `isIt`. Rejects with `WAIT_TIMEOUT`. */
  async waitFor(
    isIt: (event: JournalEvent) => boolean,
    {
      sinceSeq = this.journal.lastSeq,
      timeoutMs,
      what,
    }: { sinceSeq?: number; timeoutMs: number; what: string },
  ): Promise<JournalEvent> {
    const known = this.journal.since(sinceSeq).find(isIt);
    if (known !== undefined) return known;
    const { promise, resolve } = Promise.withResolvers<JournalEvent>();
    const stop = this.journal.subscribe((event) => {
      if (isIt(event)) resolve(event);
    });
    try {
      return await within(promise, timeoutMs, `waited ${timeoutMs / 1000} s in vain for ${what}`);
    } finally {
      stop();
    }
  }

  /** `drain`: processes leave by themselves, for a bounded time. `now`: they are killed. */
  async stop(why: string, how: "drain" | "now"): Promise<void> {
    if (this.#isStopping && how === "drain") return;
    if (!this.#isStopping) this.journal.emit({ kind: "lab.stopping", why });
    this.#isStopping = true;
    this.#stalls?.cancel();
    for (const timer of this.#restarts.values()) timer.cancel();
    const processes = this.#processes();
    if (how === "drain") {
      // The gateway first: it finishes its requests while the nodes still serve.
      this.#gateway?.kill("SIGTERM");
      await settled(this.#gateway === undefined ? [] : [this.#gateway], STOP_MS_MAX / 2);
      for (const { kill } of processes.map((child) => ({ kill: () => child.kill("SIGKILL") }))) kill();
    } else for (const child of processes) child.kill("SIGKILL");
    await settled(processes, STOP_MS_MAX / 2);
    await this.#control?.close();
    removeLabFile(this.#options.runtimeDir, process.pid);
    await this.journal.close();
    this.#guardian.dismiss();
  }

  // Start.

  async #open(controlPort: number): Promise<void> {
    const { seed, mode, version, runtimeDir, listenHost } = this.#options;
    this.journal.emit({ kind: "lab.started", seed, mode, version });
    this.#control = await startControl(this, { host: listenHost, port: controlPort, token: this.token });
    writeLabFile(runtimeDir, {
      pid: process.pid,
      controlUrl: this.controlUrl,
      gatewayUrl: this.gatewayUrl,
      token: this.token,
      startedAt: this.#startedAt,
    });
    this.#guardian.removeAtEnd(labFilePath(runtimeDir), process.pid);
    this.#stalls = watchStalls(STALL_MS, (durationMs) =>
      this.journal.emit({ kind: "stall", process: "lab", durationMs: Math.round(durationMs) }),
    );
    flushCompileCache();
    this.#startSim();
    this.#startGateway();
    const [first, ...others] = this.#slots;
    this.#startNode(first!);
    // One node fills the cache for all; if it does not come, the others are started all the same.
    await this.#until(READY_MS_MAX / 3, () => first!.isReady);
    for (const slot of others) this.#startNode(slot);
    void this.#announceReady();
  }

  async #announceReady(): Promise<void> {
    if (!(await this.#until(READY_MS_MAX, () => this.#isWhole()))) return;
    this.#isReady = true;
    this.journal.emit({ kind: "lab.ready", sinceStartMs: Math.round(nowMs() - this.#startedMs) });
  }

  #isWhole(): boolean {
    const isChecked = this.#options.mode !== "anycast-only";
    return (
      this.#gateway !== undefined &&
      this.#state.feed === "live" &&
      this.#state.isSettled &&
      SITES.every(({ site }) => this.#state.isAnnounced(site)) &&
      this.#state.vantages().every(({ site }) => site !== null) &&
      this.#slots.every(
        ({ config: { node } }) =>
          this.#state.serving(node) === "ready" &&
          (!isChecked || this.#state.gatewayHealth(node) === "healthy"),
      )
    );
  }

  #startSim(): void {
    this.#sim = this.#spawn("sim", this.#plan.sim, () => this.#startSim());
  }

  #startGateway(): void {
    const config = {
      process: "gateway",
      document: this.#plan.gatewayDocument,
      adminToken: this.#gatewayToken,
    } as const;
    this.#gateway = this.#spawn("gateway", config, () => this.#startGateway());
  }

  #startNode(slot: NodeSlot): void {
    slot.isReady = false;
    slot.process = this.#spawn(slot.config.node, slot.config, () => this.#startNode(slot), slot);
  }

  #spawn(name: string, config: CastConfig, startAgain: () => void, slot?: NodeSlot): CastProcess {
    const child = new CastProcess({
      name,
      role: config.process,
      config,
      environment: { NODE_COMPILE_CACHE: this.#cacheDir },
      onEvent: (event) => this.#hear(event, slot),
      onExit: (exit) => this.#ended(name, exit, startAgain, slot),
    });
    this.#guardian.watch(child.pid);
    this.journal.emit({ kind: "process.started", process: name, pid: child.pid });
    return child;
  }

  #hear(event: ProcessEvent, slot: NodeSlot | undefined): void {
    if (event.kind === "process.ready" && slot !== undefined) slot.isReady = true;
    this.journal.append(event);
  }

  /** A process that died unasked is started again, later and later; one that a fault ended stays down. */
  #ended(name: string, exit: ProcessExit, startAgain: () => void, slot: NodeSlot | undefined): void {
    this.#guardian.forget(exit.pid);
    if (slot !== undefined) slot.isReady = false;
    const wasAsked =
      this.#isStopping || (slot !== undefined && slot.fault !== null && FAULTS[slot.fault].endsProcess);
    const { pid, code, signal } = exit;
    this.journal.emit({ kind: "process.exited", process: name, pid, code, signal, wasAsked });
    if (wasAsked) return;
    // A fault that needed the process ended with it.
    if (slot !== undefined) slot.fault = null;
    const { attempt, delayMs } = this.#policy(name).died(exit.upMs);
    this.journal.emit({ kind: "process.restarting", process: name, attempt, delayMs });
    this.#restarts.set(name, after(delayMs, startAgain));
  }

  #policy(name: string): RestartPolicy {
    let policy = this.#policies.get(name);
    if (policy === undefined) {
      policy = new RestartPolicy();
      this.#policies.set(name, policy);
    }
    return policy;
  }

  // Faults.

  #slotsOf(target: string): NodeSlot[] {
    const slots = this.#slots.filter(({ config }) => config.site === target || config.node === target);
    if (slots.length > 0) return slots;
    const known = [...SITES.map(({ site }) => site), ...this.#slots.map(({ config }) => config.node)];
    const near = suggest(target, known);
    throw new UserError("TARGET_UNKNOWN", `there is no site or node "${target.slice(0, 80)}"`, {
      hint:
        near === undefined
          ? `sites are ${SITES.map(({ site }) => site).join(", ")}; a node is ny1-1`
          : `did you mean "${near}"?`,
    });
  }

  #refuseFault(slot: NodeSlot): void {
    const { node } = slot.config;
    if (slot.fault !== null || slot.isDrained) {
      throw new UserError("FAULT_ACTIVE", `${node} is ${slot.fault ?? "drained"} already`, {
        hint: `\`anycastle revive ${node}\` first`,
      });
    }
    if (slot.process?.isRunning !== true) {
      throw new UserError("NODE_DOWN", `${node} does not run`, {
        hint: "wait for its restart",
        exitCode: EXIT.failure,
      });
    }
  }

  #removeFault(slot: NodeSlot, target: string): void {
    const { fault: how } = slot;
    if (how === null) return;
    const { node } = slot.config;
    FAULTS[how].remove(this.#faultTarget(slot));
    slot.fault = null;
    this.journal.emit({ kind: "fault.removed", target, how, node });
  }

  #faultTarget(slot: NodeSlot): FaultTarget {
    const { node } = slot.config;
    const sinceSeq = this.journal.lastSeq;
    return {
      node,
      url: slot.url,
      process: slot.process!,
      cableIs: async (state) => {
        await this.waitFor(
          (event) => event.kind === "node.cable" && event.node === node && event.state === state,
          {
            // The word may have come before it was asked for.
            sinceSeq: Math.max(0, sinceSeq - 200),
            timeoutMs: CABLE_MS_MAX,
            what: `${node} to say that its cable is ${state}`,
          },
        );
      },
      restart: () => {
        this.#policy(node).reset();
        this.#startNode(slot);
      },
    };
  }

  /** The node proves itself first; the gateway gives it traffic after that. */
  async #undrain(slot: NodeSlot): Promise<void> {
    const { node } = slot.config;
    slot.process?.send({ do: "undrain" });
    await this.#until(PROVEN_MS_MAX, () => this.#state.serving(node) === "ready");
    await this.#askGateway(`/nodes/${node}/undrain`);
    slot.isDrained = false;
  }

  async #askGateway(path: string): Promise<void> {
    const { statusCode, body } = await httpRequest(`${this.#plan.gatewayAdminUrl}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${this.#gatewayToken}` },
      body: "{}",
    });
    const text = await body.text();
    if (statusCode !== 200)
      throw new UserError("GATEWAY_REFUSED", `the gateway refused ${path}: ${text.slice(0, 200)}`);
  }

  #processes(): CastProcess[] {
    const nodes = this.#slots.map((slot) => slot.process);
    return [this.#gateway, ...nodes, this.#sim].filter((child) => child?.isRunning === true) as CastProcess[];
  }

  /** True once `isDone`; false after `ms`. Looked at after every event. */
  async #until(ms: number, isDone: () => boolean): Promise<boolean> {
    if (isDone()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stop = this.journal.subscribe(() => {
      // After the turn in which the event was written: what follows from it is in place then.
      queueMicrotask(() => isDone() && resolve(true));
    });
    const timer = after(ms, () => resolve(isDone()));
    try {
      return await promise;
    } finally {
      stop();
      timer.cancel();
    }
  }
}

function processStatus(process: string, child: CastProcess | undefined): ProcessStatus {
  const isRunning = child?.isRunning === true;
  return { process, pid: isRunning ? child.pid : null, state: isRunning ? "running" : "exited" };
}

/** Of the user's own and closed to others: code that is executed comes out of it. */
function compileCacheDir(version: string): string {
  const dir = join(tmpdir(), `anycastle-cache-${userInfo().uid}`, version);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

async function settled(processes: readonly CastProcess[], ms: number): Promise<void> {
  const all = Promise.all(processes.map((child) => child.exited));
  await within(all, ms, "the cast did not end").catch(() => undefined);
}
