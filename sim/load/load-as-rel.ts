/** An AS graph from a file: plain text, gzip or bzip2, told apart by their first bytes, never held as text in memory. */
import { createReadStream } from "node:fs";
import { PassThrough, pipeline, Readable, type Duplex } from "node:stream";
import { createGunzip } from "node:zlib";
import { UserError, messageOf } from "#core/errors.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { AsRelParser } from "./as-rel-parser.ts";

const CHUNK_BYTES = 256 * 1024;

/** Throws `UserError` with the line for a wrong file, and with the reason for one that cannot be read. */
export async function loadAsRel(path: string): Promise<AsGraph> {
  const parser = new AsRelParser(path);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    for await (const chunk of unpacked(file)) parser.push(chunk);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError("AS_REL_UNREADABLE", `${path} cannot be read: ${messageOf(error)}`, {
      hint: "name a file of AS relationships: .txt, .gz or .bz2",
      cause: error,
    });
  } finally {
    file.destroy();
  }
  return parser.end();
}

/** The bytes of the text, whatever they are packed in. */
async function* unpacked(file: Readable): AsyncGenerator<Uint8Array> {
  const chunks = file[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  const first = await chunks.next();
  if (first.done === true) return;
  const whole = Readable.from(joined(first.value, chunks), { objectMode: false });
  const unpacker = await unpackerOf(first.value);
  if (unpacker === undefined) {
    yield* whole;
    return;
  }
  const output = new PassThrough({ highWaterMark: CHUNK_BYTES });
  // An error destroys all three, and is thrown where the output is read.
  pipeline(whole, unpacker, output, () => undefined);
  try {
    yield* output;
  } catch (error) {
    // bzip2's reader stumbles over what is cut off or spoilt instead of saying so.
    throw error instanceof TypeError ? new Error("what is packed in it is spoilt", { cause: error }) : error;
  }
}

async function* joined(first: Buffer, rest: AsyncIterableIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

/** RFC 1952 §2.3.1; bzip2 begins with `BZh` and its block size. */
async function unpackerOf(head: Buffer): Promise<Duplex | undefined> {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip({ chunkSize: CHUNK_BYTES });
  if (/^BZh[1-9]/.test(head.toString("latin1", 0, 4))) {
    const { default: bunzip } = await import("unbzip2-stream");
    return bunzip();
  }
  return undefined;
}
