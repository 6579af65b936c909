/**
 * The ledger of armed faults: a line is on the disk before a fault is injected, another after it was seen to be gone. Whoever
 * finds one after a crash knows what may be left.
 *
 *     5f1c09aa {"do":"arm","order":{...}}
 *     |        '- JSON, one record
 *     '- CRC-32 of the JSON, so that half a line, or a sector of zeros, is no record
 *
 * A line that was torn by a crash was not followed by an injection. One that is spoilt in the middle takes no other along, and is
 * counted: what it said cannot be known.
 */
import { crc32 } from "node:zlib";
import type { FaultOrder } from "#core/wire/keeper.ts";

export type LedgerRecord =
  | { readonly do: "arm"; readonly order: FaultOrder }
  | { readonly do: "gone"; readonly id: string };

export interface LedgerReplay {
  /** Armed and not known to be gone, in the order in which they came. */
  readonly armed: readonly FaultOrder[];
  /** Lines that say nothing that could be read, without a torn last one. */
  readonly spoiltCount: number;
  /** The last line is not whole: whoever goes on writing begins a new one. */
  readonly isTorn: boolean;
}

const CRC_DIGITS = 8;
const NEWLINE = 0x0a;

export function ledgerLine(record: LedgerRecord): string {
  const text = JSON.stringify(record);
  return `${crcOf(text)} ${text}\n`;
}

export function replayLedger(bytes: Buffer): LedgerReplay {
  const isTorn = bytes.length > 0 && bytes.at(-1) !== NEWLINE;
  const lines = bytes.toString("utf8").split("\n");
  lines.pop();
  const armed = new Map<string, FaultOrder>();
  let spoiltCount = 0;
  for (const line of lines) {
    if (line === "") continue;
    const record = readLine(line);
    if (record === undefined) spoiltCount += 1;
    else if (record.do === "arm") armed.set(record.order.id, record.order);
    else armed.delete(record.id);
  }
  return { armed: [...armed.values()], spoiltCount, isTorn };
}

function readLine(line: string): LedgerRecord | undefined {
  const text = line.slice(CRC_DIGITS + 1);
  if (line[CRC_DIGITS] !== " " || line.slice(0, CRC_DIGITS) !== crcOf(text)) return undefined;
  // Written by this program, as the sum says.
  return JSON.parse(text) as LedgerRecord;
}

function crcOf(text: string): string {
  return crc32(text).toString(16).padStart(CRC_DIGITS, "0");
}
