/**
 * The log of all requests of a run: one line of JSON (schema, count, names), then columns of little-endian doubles and
 * bytes. 56 bytes a request and three indexes into the names; a column that never came is NaN.
 */
import { readFile, writeFile } from "node:fs/promises";
import type { RequestRecord } from "./request-record.ts";

export const REQUEST_LOG_SCHEMA = "anycastle.requests/v1";

const TIMES = ["dueNs", "sentNs", "connectNs", "firstByteNs", "endNs"] as const;
const NAMES = ["error", "node", "site", "cohort", "vantage", "method"] as const;
const NEWLINE = 0x0a;

export class RequestLogError extends Error {
  readonly code = "REQUEST_LOG";
}

export async function writeRequestLog(file: string, records: readonly RequestRecord[]): Promise<void> {
  await writeFile(file, encodeRequestLog(records));
}

export async function readRequestLog(file: string): Promise<RequestRecord[]> {
  return decodeRequestLog(await readFile(file));
}

export function encodeRequestLog(records: readonly RequestRecord[]): Buffer {
  const names: string[] = [];
  const indexOf = new Map<string, number>();
  const nameIndex = (name: string | null): number => {
    if (name === null) return -1;
    let index = indexOf.get(name);
    if (index === undefined) {
      index = names.push(name) - 1;
      indexOf.set(name, index);
    }
    return index;
  };
  const count = records.length;
  const doubles = new Float64Array(count * (TIMES.length + 3));
  const words = new Int32Array(count * NAMES.length);
  for (const [row, record] of records.entries()) {
    doubles[row] = record.index;
    doubles[count + row] = record.status ?? Number.NaN;
    doubles[2 * count + row] = record.isReused ? 1 : 0;
    for (const [column, name] of TIMES.entries())
      doubles[(3 + column) * count + row] = record[name] ?? Number.NaN;
    for (const [column, name] of NAMES.entries()) words[column * count + row] = nameIndex(record[name]);
  }
  const head = Buffer.from(`${JSON.stringify({ schema: REQUEST_LOG_SCHEMA, count, names })}\n`);
  return Buffer.concat([head, bytesOf(doubles), bytesOf(words)]);
}

/** Throws `REQUEST_LOG` for what is no log or is cut short. */
export function decodeRequestLog(bytes: Buffer): RequestRecord[] {
  const end = bytes.indexOf(NEWLINE);
  const { count, names } = parseHead(bytes.subarray(0, Math.max(0, end)));
  const body = bytes.subarray(end + 1);
  const doubleBytes = count * (TIMES.length + 3) * 8;
  if (body.length !== doubleBytes + count * NAMES.length * 4)
    throw new RequestLogError("the log is cut short");
  const double = (column: number, row: number): number | null => {
    const value = body.readDoubleLE((column * count + row) * 8);
    return Number.isNaN(value) ? null : value;
  };
  const name = (column: number, row: number): string | null => {
    const index = body.readInt32LE(doubleBytes + (column * count + row) * 4);
    return index === -1 ? null : (names[index] ?? null);
  };
  return Array.from({ length: count }, (_, row) => ({
    index: double(0, row) ?? 0,
    status: double(1, row),
    isReused: double(2, row) === 1,
    dueNs: double(3, row) ?? 0,
    sentNs: double(4, row),
    connectNs: double(5, row),
    firstByteNs: double(6, row),
    endNs: double(7, row),
    error: name(0, row),
    node: name(1, row),
    site: name(2, row),
    cohort: name(3, row) ?? "",
    vantage: name(4, row) ?? "",
    method: name(5, row) ?? "",
  }));
}

function parseHead(line: Buffer): { count: number; names: string[] } {
  try {
    const head = JSON.parse(line.toString("utf8")) as { schema?: unknown; count: number; names: string[] };
    if (head.schema === REQUEST_LOG_SCHEMA && Number.isInteger(head.count) && Array.isArray(head.names))
      return head;
  } catch {
    // Said below.
  }
  throw new RequestLogError(`the file is no ${REQUEST_LOG_SCHEMA}`);
}

function bytesOf(array: Float64Array | Int32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
