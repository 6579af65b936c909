/**
 * A large body that is the same on every node, so that half of it from one node and half from another make a whole:
 * byte i depends on i alone. Ranges per RFC 9110 §14: one range, of GET only (§14.2); more than one gets the whole
 * body, as allowed. Whoever wants the rest of these very bytes says so with If-Match or If-Range (§13.1).
 */
import type { IncomingMessage, ServerResponse } from "node:http";

const SIZE_DEFAULT = 1024 * 1024;
const SIZE_MAX = 1024 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** Prime, so that the pattern does not line up with chunks. */
const PATTERN_BYTES = 65_521;

/** Two patterns end to end: any chunk is one slice of it. */
const PATTERN = Buffer.alloc(PATTERN_BYTES + CHUNK_BYTES);
for (let index = 0; index < PATTERN.length; index++) {
  const position = index % PATTERN_BYTES;
  PATTERN[index] = (position * 31 + (position >>> 8) * 17) & 0xff;
}

export function serveLargeBody(url: URL, request: IncomingMessage, response: ServerResponse): void {
  const size = sizeOf(url.searchParams.get("size"));
  if (size === undefined) {
    response.writeHead(400, { "content-type": "text/plain" });
    response.end(`size is a number of bytes from 0 to ${SIZE_MAX}\n`);
    return;
  }
  const etag = `"bytes-${size}"`;
  const ifMatch = request.headers["if-match"];
  if (ifMatch !== undefined && ifMatch !== "*" && !ifMatch.split(",").some((tag) => tag.trim() === etag)) {
    response.writeHead(412, { etag, "content-length": 0 }).end();
    return;
  }
  const ifRange = request.headers["if-range"];
  const isRangeAsked = request.method === "GET" && (ifRange === undefined || ifRange === etag);
  const range = isRangeAsked ? rangeOf(request.headers.range, size) : "whole";
  const fields = { "content-type": "application/octet-stream", "accept-ranges": "bytes", etag };
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...fields, "content-range": `bytes */${size}` }).end();
    return;
  }
  const [first, last] = range === "whole" ? [0, size - 1] : range;
  const length = last - first + 1;
  if (range === "whole") response.writeHead(200, { ...fields, "content-length": length });
  else {
    const contentRange = `bytes ${first}-${last}/${size}`;
    response.writeHead(206, { ...fields, "content-length": length, "content-range": contentRange });
  }
  if (request.method === "HEAD") response.end();
  else pump(response, first, last);
}

/** Writes until the client's buffer is full, goes on when it drains. */
function pump(response: ServerResponse, first: number, last: number): void {
  let offset = first;
  step();

  function step(): void {
    while (offset <= last) {
      if (response.destroyed) return;
      const start = offset % PATTERN_BYTES;
      const chunk = PATTERN.subarray(start, start + Math.min(CHUNK_BYTES, last - offset + 1));
      offset += chunk.length;
      if (!response.write(chunk)) {
        response.once("drain", step);
        return;
      }
    }
    response.end();
  }
}

function sizeOf(text: string | null): number | undefined {
  if (text === null) return SIZE_DEFAULT;
  const size = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return size <= SIZE_MAX ? size : undefined;
}

/** RFC 9110 §14.1.2: first-last, first-, -suffix. Anything else is ignored: the whole body. */
function rangeOf(field: string | undefined, size: number): "whole" | "unsatisfiable" | [number, number] {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(field ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return "whole";
  if (match[1] === "") {
    const suffix = Math.min(Number(match[2]), size);
    return suffix === 0 ? "unsatisfiable" : [size - suffix, size - 1];
  }
  const first = Number(match[1]);
  const last = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < first) return "whole";
  return first >= size ? "unsatisfiable" : [first, last];
}
