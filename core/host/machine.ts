/** What machine a measurement was taken on, for the head of a report. */
import { cpus, release, totalmem, type as osType } from "node:os";

export interface MachineDescription {
  readonly cpuModel: string;
  readonly coreCount: number;
  readonly memoryBytes: number;
  /** `Linux 6.1.0`. */
  readonly os: string;
  readonly nodeVersion: string;
}

export function describeMachine(): MachineDescription {
  const cores = cpus();
  return {
    cpuModel: cores[0]?.model.trim() ?? "unknown",
    coreCount: cores.length,
    memoryBytes: totalmem(),
    os: `${osType()} ${release()}`,
    nodeVersion: process.versions.node,
  };
}
