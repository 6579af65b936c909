/**
 * Ours: a partition. Nothing of its direction arrives, neither bytes nor the end; the other direction flows (a partition
 * both ways is two of them). What was sent waits in the relay, up to its bound, and then in the sender's kernel, as in a
 * real partition it would wait to be sent again; when the toxic is removed it arrives, and the connection lives on. What
 * the relay cannot fake: the sender's kernel sees its bytes acknowledged, and new connections are accepted.
 */
import type { Toxic } from "./toxic.ts";

export const blackhole: Toxic = {
  type: "blackhole",
  attributes: {},
  start: () => ({
    take: ({ bytes }) => ({ pieces: [{ bytes, atMs: Infinity }] }),
    end: () => Infinity,
  }),
};
