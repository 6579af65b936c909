/** What a node may be told to do wrong, one at a time, while its process and its network are well. */
export type Misbehaviour =
  /** So many of a hundred requests are answered with this status. */
  | { readonly kind: "http_error"; readonly percent: number; readonly status: number }
  /** So many of a hundred answers have a byte that is not the right one; their length and fields are as ever. */
  | { readonly kind: "corrupt_body"; readonly percent: number }
  /** So many of a hundred requests are answered so much later. */
  | { readonly kind: "slow_answer"; readonly percent: number; readonly delayMs: number }
  /** Computes for so many of a hundred moments, on a thread of its own: of one core, whatever else the node does. */
  | { readonly kind: "cpu"; readonly percent: number }
  /** Holds so much memory that is in use. */
  | { readonly kind: "memory"; readonly bytes: number };

export type MisbehaviourKind = Misbehaviour["kind"];

/** Names of the threads that burden a node, as the system lists them (proc(5), `comm`: 15 bytes at most). */
export const BURDEN_THREADS = { cpu: "anycastle-cpu", memory: "anycastle-mem" } as const;
