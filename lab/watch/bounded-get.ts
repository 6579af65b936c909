/** GET of a JSON document of ours: bounded in time and size, and held to what it must be. */
import { request } from "undici";

/** Longer than a busy machine needs, shorter than a person's patience. */
const ANSWER_MS_MAX = 2_000;
/** A status of two thousand nodes. */
const BODY_BYTES_MAX = 1024 * 1024;

export interface DocumentKind<T> {
  /** What it calls itself, for people. */
  readonly schema: string;
  /** Undefined: it is none. */
  readonly read: (value: unknown) => T | undefined;
}

/** Rejects with a sentence that says what was wrong with the answer, or with the socket's error. */
export async function getDocument<T>(url: string, kind: DocumentKind<T>, signal: AbortSignal): Promise<T> {
  const { statusCode, body } = await request(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]),
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`its answer is longer than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
  const document = kind.read(parsed(Buffer.concat(chunks).toString("utf8")));
  if (document === undefined) throw new Error(`its answer is no ${kind.schema}`);
  return document;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
