/** What is remembered of a client's connection: where it leads, which sites it has reached, what is open on it. */
import type { Socket } from "node:net";
import { hashText } from "#core/prng.ts";
import { WanState } from "../forward/wan-stage.ts";

/** An open request that can be cut off together with its connection. */
export interface OpenRequest {
  readonly vantage: string;
  /** The network has moved the connection elsewhere; it is reset under the request. */
  cutOff(): void;
  /** The connection has closed: nobody waits for the answer. */
  clientGone(): void;
}

/** A connection of the bare network leads to one node of one site for its whole life. */
export interface Pin {
  readonly vantage: string;
  readonly site: number;
  readonly node: number;
}

export class ClientConnection {
  readonly socket: Socket;
  /** Of the client, as the connection has it. */
  readonly address: string;
  wan = new WanState();
  readonly open = new Set<OpenRequest>();
  /** Its last answer has been decided on: what comes behind it is not a request any more (RFC 9112 §9.6). */
  isClosing = false;
  /** Mode `anycast-only` only. */
  pin: Pin | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.address = socket.remoteAddress ?? "unknown";
  }

  /** Sites and nodes have other numbers from now on: it is led, and travels, as a new one. */
  forgetWay(): void {
    this.pin = undefined;
    this.wan = new WanState();
  }

  /** As an ECMP router would hash its addresses and ports; ours differ in the client's only. */
  get hash(): number {
    return hashText(`${this.socket.remoteAddress}:${this.socket.remotePort}`);
  }

  /** The client sees a reset, not an end: nothing it got may pass for complete. */
  reset(): void {
    // Behind TLS there is no reset, but an end without the goodbye (close_notify) that a whole answer has.
    if ("encrypted" in this.socket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }
}
