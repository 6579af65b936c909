/**
 * Resets the connection, on both sides, `timeout` ms after the first data of its direction, or after its end. Nothing
 * passes meanwhile; what was held goes on if the toxic is removed first. Toxiproxy resets only connections that were
 * opened with the toxic in force, and closes older ones by FIN: a reset is a reset here.
 */
import { attributeOf, type Toxic } from "./toxic.ts";

export const resetPeer: Toxic = {
  type: "reset_peer",
  attributes: { timeout: "int64" },
  start(attributes) {
    const timeoutMs = attributeOf(attributes, "timeout");
    let deadlineMs: number | undefined;
    const seen = (nowMs: number): void => {
      deadlineMs ??= nowMs + timeoutMs;
    };
    return {
      take({ bytes }, nowMs) {
        seen(nowMs);
        return { pieces: [{ bytes, atMs: Infinity }] };
      },
      end(nowMs) {
        seen(nowMs);
        return Infinity;
      },
      get deadline() {
        return deadlineMs === undefined ? undefined : ({ how: "reset", atMs: deadlineMs } as const);
      },
    };
  },
};
