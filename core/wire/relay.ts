/** What the relay's HTTP API (Toxiproxy's, v2) sends and what a lab tells it at its start. */

/** Toxiproxy's own words: `upstream` is toward the node, `downstream` toward the client. */
export const TOXIC_STREAMS = ["upstream", "downstream"] as const;
export type ToxicStream = (typeof TOXIC_STREAMS)[number];

export interface ToxicView {
  readonly attributes: Readonly<Record<string, number>>;
  readonly name: string;
  readonly type: string;
  readonly stream: ToxicStream;
  /** Share of the connections it is in force on, 0 to 1. */
  readonly toxicity: number;
}

/** A proxy of the relay: where clients connect, and where it passes their bytes to. */
export interface RelayProxy {
  readonly name: string;
  /** `127.0.0.1:8001`; port 0 is any free one, and reported resolved. */
  readonly listen: string;
  readonly upstream: string;
}

export interface ProxyView extends RelayProxy {
  readonly enabled: boolean;
  readonly toxics: readonly ToxicView[];
}
