/**
 * The fields of a node's response as they go to the client: names and values in turn, order and repetition kept, the
 * fields of the one hop between node and gateway left out (RFC 9110 §7.6.1). Framing is written anew by node:http:
 * Content-Length passes, Transfer-Encoding does not. `date`, `x-edge-route`, `x-edge-node` pass untouched.
 */
import { stripNamedFields } from "../listener/named-fields.ts";
import type { ResponseSign } from "../resilience/resume.ts";
import { without } from "./fields.ts";

export interface ResponseFields extends ResponseSign {
  readonly fields: string[];
  readonly hasDate: boolean;
  readonly hasRequestId: boolean;
}

/** What says two things at once is taken for neither. */
const TWICE = "";

export function readResponseFields(raw: readonly Uint8Array[], status: number): ResponseFields {
  const fields: string[] = [];
  let named = "";
  let contentLength = -1;
  let hasDate = false;
  let hasTrailers = false;
  let hasRequestId = false;
  let etag: string | undefined;
  let contentRange: string | undefined;
  let contentEncoding: string | undefined;
  let acceptRanges: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = latin1(raw[index]!);
    const value = latin1(raw[index + 1]!);
    switch (name.length) {
      case 4:
        if (isNamed(name, "date")) hasDate = true;
        else if (isNamed(name, "etag")) etag = etag === undefined ? value : TWICE;
        break;
      case 7:
        if (isNamed(name, "upgrade")) continue;
        // Trailers pass unannounced: node:http refuses the field where it will not chunk (HEAD, HTTP/1.0 clients).
        if (isNamed(name, "trailer")) {
          hasTrailers = true;
          continue;
        }
        break;
      case 10:
        if (isNamed(name, "connection")) {
          named = named === "" ? value : `${named},${value}`;
          continue;
        }
        if (isNamed(name, "keep-alive")) continue;
        break;
      case 12:
        if (isNamed(name, "x-request-id")) hasRequestId = true;
        break;
      case 13:
        if (isNamed(name, "content-range")) contentRange = contentRange === undefined ? value : TWICE;
        else if (isNamed(name, "accept-ranges")) acceptRanges = value;
        break;
      case 14:
        if (isNamed(name, "content-length")) {
          // RFC 9110 §8.6: none in a 204.
          if (status === 204) continue;
          contentLength = Number(value);
        }
        break;
      case 16:
        if (isNamed(name, "proxy-connection")) continue;
        if (isNamed(name, "content-encoding")) contentEncoding = value;
        break;
      case 17:
        if (isNamed(name, "transfer-encoding")) continue;
        break;
      default:
    }
    fields.push(name, value);
  }
  if (named !== "") stripNamedFields(fields, named);
  return {
    fields,
    status,
    contentLength,
    hasDate,
    hasTrailers,
    hasRequestId,
    etag,
    contentRange,
    contentEncoding,
    acceptRanges,
  };
}

/** RFC 9110 §8.6: no interim response tells a length. */
const OF_CONTENT: ReadonlySet<string> = new Set(["content-length"]);

export function readInterimFields(raw: readonly Uint8Array[], status: number): string[] {
  return without(readResponseFields(raw, status).fields, OF_CONTENT);
}

function isNamed(name: string, lower: string): boolean {
  return name === lower || name.toLowerCase() === lower;
}

function latin1(bytes: Uint8Array): string {
  return (bytes as Buffer).toString("latin1");
}
