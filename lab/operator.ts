/**
 * What an operator may do to a cast: make nodes fail, bring them back, drain them, put everything back as it was.
 *
 * Orders are given to all nodes of a target in the same turn. An order is not a success: `fail` resolves when each
 * node was seen to have failed, `drain` when each has drained, `revive` when drained nodes have proven themselves.
 */
import { request as httpRequest } from "undici";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { nowNs } from "#core/host/clock.ts";
import { suggest } from "#core/suggest.ts";
import type {
  ActionReply,
  FailReply,
  FailRequest,
  MisbehaveRequest,
  TargetRequest,
} from "#core/wire/control.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { Misbehaviour } from "#core/wire/misbehaviour.ts";
import type { Cast } from "./cast.ts";
import type { CastState } from "./cast-state.ts";
import type { FaultTarget } from "./faults/fault.ts";
import { FAULTS } from "./faults/registry.ts";
import type { Journal } from "./journal.ts";
import type { NodeSlot } from "./node-slot.ts";
import { until, waitFor } from "./waiting.ts";

const DRAIN_MS_MAX = 15_000;
const PROVEN_MS_MAX = 20_000;
/** A node does it in the turn in which it reads of it; the rest is for a slow box. */
const MISBEHAVE_MS_MAX = 5_000;
const GATEWAY_MS_MAX = 2_000;

export interface OperatorParts {
  readonly journal: Journal;
  readonly cast: Cast;
  readonly state: CastState;
  readonly gatewayAdminUrl: string;
  readonly gatewayToken: string;
}

export class Operator {
  readonly #journal: Journal;
  readonly #cast: Cast;
  readonly #state: CastState;
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#journal = parts.journal;
    this.#cast = parts.cast;
    this.#state = parts.state;
    parts.journal.subscribe((event) => {
      if (event.kind === "process.ready") this.#drainAgain(event.process);
    });
  }

  /** Of a site, those of its nodes that can still fail; refused when none can. */
  async fail({ target, how }: FailRequest): Promise<FailReply> {
    const slots = this.#able(this.#slotsOf(target));
    const nodes = slots.map(({ node }) => node);
    const fault = FAULTS[how];
    const targets = slots.map((slot) => this.#faultTarget(slot));
    const atNs = nowNs();
    for (const [index, slot] of slots.entries()) {
      slot.fault = how;
      fault.inject(targets[index]!);
    }
    this.#journal.emit({ kind: "fault.injected", target, how, nodes }, atNs);
    await Promise.all(slots.map((slot, index) => this.#confirm(slot, targets[index]!, target, how)));
    return { nodes, how, atNs };
  }

  /** Resolves when each of the target's nodes has said that it does so. */
  async misbehave({ target, as }: MisbehaveRequest): Promise<ActionReply> {
    const slots =
      as === null
        ? this.#slotsOf(target).filter(({ isRunning }) => isRunning)
        : this.#able(this.#slotsOf(target));
    const atNs = nowNs();
    await Promise.all(slots.map((slot) => this.#tellToMisbehave(slot, as)));
    return { nodes: slots.map(({ node }) => node), atNs };
  }

  /** Undoes faults and drains, and starts what waits to be started again. Nodes come back by proving themselves. */
  async revive({ target }: TargetRequest): Promise<ActionReply> {
    const slots = this.#slotsOf(target).filter((slot) => !this.#isWell(slot));
    const nodes = slots.map(({ node }) => node);
    const { atNs } = this.#journal.emit({ kind: "revive.asked", target, nodes });
    await this.#mend(slots, target);
    return { nodes, atNs };
  }

  /** GRACEFUL_SHUTDOWN, wait until the traffic has gone, withdraw; then the gateway gives no new requests. */
  async drain({ target }: TargetRequest): Promise<ActionReply> {
    const slots = this.#able(this.#slotsOf(target));
    const nodes = slots.map(({ node }) => node);
    const sinceSeq = this.#journal.lastSeq;
    const { atNs } = this.#journal.emit({ kind: "drain.started", target, nodes });
    for (const slot of slots) {
      slot.isDrained = true;
      slot.process!.send({ do: "drain" });
    }
    await Promise.all(slots.map((slot) => this.#drained(slot, sinceSeq)));
    return { nodes, atNs };
  }

  /** Faults and drains of all nodes are undone; what follows in the network takes its time. */
  async mendAll(): Promise<string[]> {
    const slots = this.#cast.slots.filter((slot) => !this.#isWell(slot));
    await this.#mend(slots, undefined);
    return slots.map(({ node }) => node);
  }

  async #confirm(slot: NodeSlot, seen: FaultTarget, target: string, how: FaultHow): Promise<void> {
    const { node } = slot;
    try {
      const evidence = await FAULTS[how].confirm(seen);
      this.#journal.emit({ kind: "fault.confirmed", target, how, node, evidence });
    } catch (error) {
      if (slot.fault !== how) return; // Revived meanwhile: there is nothing to see any more.
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
  }

  async #tellToMisbehave(slot: NodeSlot, as: Misbehaviour | null): Promise<void> {
    const { node } = slot;
    const target = this.#faultTarget(slot);
    slot.process!.send({ do: "misbehave", as });
    const isIt = (event: JournalEvent): boolean =>
      event.kind === "node.misbehaving" && event.as?.kind === as?.kind;
    await target.hear(
      isIt,
      MISBEHAVE_MS_MAX,
      `${node} to say that it ${as === null ? "behaves" : `has ${as.kind}`}`,
    );
    slot.misbehaves(as?.kind ?? null);
  }

  async #mend(slots: readonly NodeSlot[], target: string | undefined): Promise<void> {
    for (const slot of slots) {
      if (slot.fault !== null) this.#removeFault(slot, target ?? slot.node);
      else if (!slot.isRunning && !slot.isReturning) this.#cast.startNode(slot);
    }
    const bad = slots.filter((slot) => slot.misbehaviour !== null);
    await Promise.all(bad.map((slot) => this.#tellToMisbehave(slot, null)));
    await Promise.all(slots.filter((slot) => slot.isDrained).map((slot) => this.#undrain(slot)));
  }

  #removeFault(slot: NodeSlot, target: string): void {
    const { node, fault: how } = slot;
    FAULTS[how!].remove(this.#faultTarget(slot));
    slot.fault = null;
    this.#journal.emit({ kind: "fault.removed", target, how: how!, node });
  }

  #faultTarget(slot: NodeSlot): FaultTarget {
    const { node, url } = slot;
    const sinceSeq = this.#journal.lastSeq;
    return {
      node,
      url,
      process: slot.process!,
      hear: (isIt, timeoutMs, what) => {
        const isOurs = (event: JournalEvent): boolean => event.source === node && isIt(event);
        return waitFor(this.#journal, isOurs, { sinceSeq, timeoutMs, what });
      },
      restart: () => this.#cast.restartNode(slot),
    };
  }

  async #drained(slot: NodeSlot, sinceSeq: number): Promise<void> {
    const { node } = slot;
    const isOver = (event: JournalEvent): boolean =>
      (event.kind === "drain.finished" && event.node === node) ||
      (event.kind === "process.exited" && event.process === node) ||
      (event.kind === "revive.asked" && event.nodes.includes(node));
    const timeoutMs = DRAIN_MS_MAX;
    const end = await waitFor(this.#journal, isOver, { sinceSeq, timeoutMs, what: `${node} to drain` });
    if (end.kind === "revive.asked") {
      throw new UserError("DRAIN_UNDONE", `${node} was revived before it had drained`, {
        exitCode: EXIT.failure,
      });
    }
    await this.#tellGateway(node, "drain");
  }

  /** The node proves itself first; the gateway gives it traffic after that. */
  async #undrain(slot: NodeSlot): Promise<void> {
    const { node } = slot;
    slot.isUndraining = true;
    slot.process?.send({ do: "undrain" });
    const isProven = await until(
      this.#journal,
      PROVEN_MS_MAX,
      () => this.#state.serving(node) === "ready" || !slot.isDrained,
    );
    slot.isUndraining = false;
    if (!isProven) {
      throw new UserError(
        "NODE_UNPROVEN",
        `${node} was not ready ${PROVEN_MS_MAX / 1000} s after its drain ended`,
        {
          hint: `it stays out of service; \`anycastle revive ${node}\` tries again`,
          exitCode: EXIT.failure,
        },
      );
    }
    slot.isDrained = false;
    await this.#tellGateway(node, "undrain");
  }

  /** A drain is an order that outlives the process it was given to: a new node drains at once, a new gateway is told. */
  #drainAgain(process: string): void {
    for (const slot of this.#cast.slots) {
      if (!slot.isDrained || slot.isUndraining) continue;
      if (process === slot.node) slot.process!.send({ do: "drain" });
      if (process === "gateway") this.#tellGateway(slot.node, "drain").catch(() => undefined);
    }
  }

  /** A gateway that does not answer is told when it is back; one that refuses is an error. */
  async #tellGateway(node: string, order: "drain" | "undrain"): Promise<void> {
    const { gatewayAdminUrl, gatewayToken } = this.#parts;
    let refusal: string | undefined;
    try {
      const { statusCode, body } = await httpRequest(`${gatewayAdminUrl}/nodes/${node}/${order}`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${gatewayToken}` },
        body: "{}",
        signal: AbortSignal.timeout(GATEWAY_MS_MAX),
      });
      const text = await body.text();
      if (statusCode !== 200) refusal = `${statusCode} ${text.slice(0, 200)}`;
    } catch (error) {
      const line = `the gateway could not be told to ${order} ${node}: ${messageOf(error)}`;
      this.#journal.emit({ kind: "process.log", process: "lab", line });
    }
    if (refusal === undefined) return;
    throw new UserError("GATEWAY_REFUSED", `the gateway refused to ${order} ${node}: ${refusal}`, {
      exitCode: EXIT.failure,
    });
  }

  #slotsOf(target: string): NodeSlot[] {
    const slots = this.#cast.slots.filter(({ config }) => config.site === target || config.node === target);
    if (slots.length > 0) return slots;
    const sites = [...new Set(this.#cast.slots.map(({ config }) => config.site))];
    const near = suggest(target, [...sites, ...this.#cast.slots.map(({ node }) => node)]);
    throw new UserError("TARGET_UNKNOWN", `there is no site or node "${target.slice(0, 80)}"`, {
      hint:
        near === undefined
          ? `sites are ${sites.join(", ")}; their nodes are ${sites[0]}-1 and so on`
          : `did you mean "${near}"?`,
    });
  }

  /** Those that can be ordered about; when there is none, why the first cannot. */
  #able(slots: readonly NodeSlot[]): NodeSlot[] {
    const able = slots.filter((slot) => slot.fault === null && !slot.isDrained && slot.isRunning);
    if (able.length > 0) return able;
    const { node, fault, isDrained } = slots[0]!;
    if (fault !== null || isDrained) {
      throw new UserError("FAULT_ACTIVE", `${node} is under "${fault ?? "drain"}" already`, {
        hint: `\`anycastle revive ${node}\` first`,
      });
    }
    throw new UserError("NODE_DOWN", `${node} does not run at this moment`, {
      hint: "it is being started; `anycastle status` tells when it is back",
      exitCode: EXIT.failure,
    });
  }

  #isWell(slot: NodeSlot): boolean {
    const isFree = slot.fault === null && slot.misbehaviour === null && !slot.isDrained;
    return isFree && (slot.isRunning || slot.isReturning);
  }
}
