/** The nodes of a drill: processes that are killed, stopped and started again, and what they executed all together. */
import { fileURLToPath } from "node:url";
import { nowNs } from "#core/host/clock.ts";
import { BenchProcess, freePort } from "../processes.ts";

const SCRIPTS = {
  counting: fileURLToPath(new URL("./counting-node.ts", import.meta.url)),
  faulty: fileURLToPath(new URL("./faulty-node.ts", import.meta.url)),
};
/** What an application needs for an answer. */
const WORK_MS = 5;

export interface DrillNode {
  readonly name: string;
  readonly port: number;
}

export class DrillNodes {
  readonly nodes: readonly DrillNode[];
  readonly #processes = new Map<string, BenchProcess>();
  readonly #executions = new Map<string, number>();
  readonly #rests = new Map<string, string>();

  readonly #kind: keyof typeof SCRIPTS;

  private constructor(nodes: readonly DrillNode[], kind: keyof typeof SCRIPTS) {
    this.nodes = nodes;
    this.#kind = kind;
  }

  static async start(count: number, kind: keyof typeof SCRIPTS = "counting"): Promise<DrillNodes> {
    const nodes: DrillNode[] = [];
    for (let number = 1; number <= count; number++) {
      nodes.push({ name: `node-${number}`, port: await freePort() });
    }
    const drill = new DrillNodes(nodes, kind);
    await Promise.all(nodes.map((node) => drill.start(node)));
    return drill;
  }

  /** Requests that were executed more than once, by any node or by several. */
  get duplicated(): number {
    return [...this.#executions.values()].filter((count) => count > 1).length;
  }

  async start(node: DrillNode): Promise<void> {
    this.#rests.delete(node.name);
    const command = [process.execPath, SCRIPTS[this.#kind], String(node.port), node.name, String(WORK_MS)];
    const child = new BenchProcess(node.name, command, {
      onOutput: (chunk) => this.#heard(node.name, chunk),
    });
    this.#processes.set(node.name, child);
    await child.untilListening(node.port);
  }

  /** SIGKILL; resolves with the monotonic time at which its end was confirmed. */
  async kill(node: DrillNode): Promise<number> {
    const child = this.#processes.get(node.name)!;
    child.kill();
    await child.exited;
    return nowNs();
  }

  /** Of faulty nodes: how they answer from now on, `none` for well. */
  spoil(node: DrillNode, fault: string): void {
    this.#processes.get(node.name)!.write(`${fault}\n`);
  }

  signal(node: DrillNode, signal: NodeJS.Signals): void {
    this.#processes.get(node.name)!.signal(signal);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((child) => child.stop()));
  }

  #heard(name: string, chunk: Buffer): void {
    const lines = `${this.#rests.get(name) ?? ""}${chunk.toString("latin1")}`.split("\n");
    this.#rests.set(name, lines.pop()!);
    for (const key of lines) this.#executions.set(key, (this.#executions.get(key) ?? 0) + 1);
  }
}
