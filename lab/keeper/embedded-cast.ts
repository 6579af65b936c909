/**
 * An embedded lab as faults see it: orders go over its control API, and what has become of its nodes is seen from outside, with
 * connections of our own. A lab that has gone has taken its cast with it.
 */
import { connect } from "node:net";
import { get } from "node:http";
import { codeOf, UserError } from "#core/errors.ts";
import { nowMs, sleep } from "#core/host/clock.ts";
import type { LabStatus, NodeStatus } from "#core/wire/control.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { Misbehaviour } from "#core/wire/misbehaviour.ts";
import { LabClient } from "../client.ts";
import { processState } from "../process-stat.ts";

/** A node on this host answers its health check in a few milliseconds. */
const SILENCE_MS = 250;
/** Without BFD it takes the hold timer, 9 s unless told otherwise. */
const BGP_MS_MAX = 15_000;
const POLL_MS = 20;
const READY_PATH = "/health/ready";

export type EmbeddedNode = NodeStatus;

/** What became of a request. */
export type Heard =
  | { readonly how: "answered"; readonly status: number }
  | { readonly how: "silent" | "refused" | "broken" };

export interface EmbeddedCast {
  /** The nodes of a site, or the one node; undefined: the lab has gone. Throws for a target it does not know. */
  nodesOf(target: string): Promise<readonly EmbeddedNode[] | undefined>;
  fail(target: string, how: FaultHow): Promise<void>;
  misbehave(target: string, as: Misbehaviour): Promise<void>;
  /** Nothing, where the lab has gone. */
  revive(target: string): Promise<void>;
  /** Resolves when the routers of the target's nodes see their sessions so; throws when they do not in time. */
  untilBgp(target: string, state: "up" | "down"): Promise<string>;
  ask(node: EmbeddedNode): Promise<Heard>;
  /** A connection can be made, whoever accepts it. */
  isConnectable(node: EmbeddedNode): Promise<boolean>;
}

export class LiveEmbeddedCast implements EmbeddedCast {
  readonly #runtimeDir: string;

  constructor(runtimeDir: string) {
    this.#runtimeDir = runtimeDir;
  }

  async nodesOf(target: string): Promise<readonly EmbeddedNode[] | undefined> {
    const status = await this.#whileItLives((lab) => lab.status());
    return status === undefined ? undefined : nodesIn(status, target);
  }

  async fail(target: string, how: FaultHow): Promise<void> {
    await LabClient.find(this.#runtimeDir).fail({ target, how });
  }

  async misbehave(target: string, as: Misbehaviour): Promise<void> {
    await LabClient.find(this.#runtimeDir).misbehave({ target, as });
  }

  async revive(target: string): Promise<void> {
    await this.#whileItLives((lab) => lab.revive({ target }));
  }

  async untilBgp(target: string, state: "up" | "down"): Promise<string> {
    for (const untilMs = nowMs() + BGP_MS_MAX; ; await sleep(POLL_MS)) {
      const nodes = await this.nodesOf(target);
      if (nodes === undefined) return "the lab has gone";
      const other = nodes.find(({ bgp }) => bgp !== state);
      if (other === undefined) return `BGP of ${nodes.map(({ node }) => node).join(", ")} is ${state}`;
      if (nowMs() >= untilMs) throw new Error(`BGP of ${other.node} is ${other.bgp}`);
    }
  }

  ask({ url }: EmbeddedNode): Promise<Heard> {
    const { promise, resolve } = Promise.withResolvers<Heard>();
    const request = get(`${url}${READY_PATH}`, { agent: false, timeout: SILENCE_MS }, (response) => {
      response.resume();
      resolve({ how: "answered", status: response.statusCode ?? 0 });
    });
    request.on("timeout", () => {
      resolve({ how: "silent" });
      request.destroy();
    });
    request.on("error", (error) => resolve({ how: codeOf(error) === "ECONNREFUSED" ? "refused" : "broken" }));
    return promise;
  }

  isConnectable({ url }: EmbeddedNode): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), timeout: SILENCE_MS });
    const over = (isConnected: boolean) => () => {
      resolve(isConnected);
      socket.destroy();
    };
    socket.once("connect", over(true)).once("timeout", over(false)).once("error", over(false));
    return promise;
  }

  /** Undefined when there is no lab, also when it goes meanwhile. */
  async #whileItLives<T>(act: (lab: LabClient) => Promise<T>): Promise<T | undefined> {
    try {
      return await act(LabClient.find(this.#runtimeDir));
    } catch (error) {
      if (codeOf(error) === "LAB_NONE") return undefined;
      throw error;
    }
  }
}

export function isStopped({ pid }: EmbeddedNode): boolean {
  return pid !== null && processState(pid) === "T";
}

function nodesIn({ sites }: LabStatus, target: string): EmbeddedNode[] {
  const nodes = sites.flatMap(({ site, nodes: ofSite }) =>
    ofSite.filter(({ node }) => site === target || node === target),
  );
  if (nodes.length > 0) return nodes;
  throw new UserError("TARGET_UNKNOWN", `the lab has no site or node "${target.slice(0, 80)}"`, {
    hint: `sites are ${sites.map(({ site }) => site).join(", ")}; their nodes are ${sites[0]?.nodes[0]?.node} and so on`,
  });
}
