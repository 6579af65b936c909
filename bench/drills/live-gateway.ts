/** The gateway of a drill as its users run it: started from a file, told by signals to read it again or to start a successor. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nowMs, sleep } from "#core/host/clock.ts";
import { BenchProcess } from "../processes.ts";

const LAUNCHER = fileURLToPath(new URL("../../bin/anycastle.js", import.meta.url));
const TOLD_MS_MAX = 40_000;
const LOOK_MS = 5;

export class LiveGateway {
  readonly port: number;
  readonly #file: string;
  readonly #process: BenchProcess;
  /** What it and its successors have said, since it was last asked for something. */
  #said = "";
  #pid: number;

  /** `document` is the configuration, and listens on `port`. */
  static async start(file: string, port: number, document: object): Promise<LiveGateway> {
    writeFileSync(file, JSON.stringify(document));
    const gateway = new LiveGateway(file, port);
    await gateway.#process.untilListening(port);
    return gateway;
  }

  private constructor(file: string, port: number) {
    this.port = port;
    this.#file = file;
    this.#process = new BenchProcess("gateway", [process.execPath, LAUNCHER, "gateway", "-c", file], {
      onError: (chunk) => void (this.#said += chunk.toString()),
    });
    this.#pid = this.#process.pid;
  }

  /** Of the one that was started first. */
  rssKb(): number {
    return this.#process.rssKb();
  }

  /** False: it has not said that the new configuration is in force. */
  async reload(document: object): Promise<boolean> {
    writeFileSync(this.#file, JSON.stringify(document));
    this.#said = "";
    process.kill(this.#pid, "SIGHUP");
    return (await this.#answered(/new configuration in force/)) !== undefined;
  }

  /** False: no successor has taken over. */
  async restart(): Promise<boolean> {
    this.#said = "";
    process.kill(this.#pid, "SIGUSR2");
    const answer = await this.#answered(/successor (\d+) has taken over/);
    if (answer === undefined) return false;
    this.#pid = Number(answer[1]);
    return true;
  }

  end(): void {
    process.kill(this.#pid, "SIGKILL");
  }

  async #answered(what: RegExp): Promise<RegExpExecArray | undefined> {
    for (const untilMs = nowMs() + TOLD_MS_MAX; nowMs() < untilMs; await sleep(LOOK_MS)) {
      const found = what.exec(this.#said);
      if (found !== null) return found;
    }
    return undefined;
  }
}
