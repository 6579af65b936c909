/** A toxic of a proxy: what was asked for, and how it works on one connection. */
import type { Prng } from "#core/prng.ts";
import type { ToxicView } from "#core/wire/relay.ts";
import type { LinkToxic } from "./link.ts";
import { PASSING } from "./toxics/noop.ts";
import { TOXICS } from "./toxics/registry.ts";
import type { Toxic } from "./toxics/toxic.ts";

const UINT32_COUNT = 2 ** 32;

/**
 * The share a connection belongs to is drawn once, from its own stream and the toxic's name: raising the toxicity adds
 * connections and takes none away. (Toxiproxy draws anew at every change.)
 */
export function isInForce({ name, toxicity }: ToxicView, connection: Prng): boolean {
  return connection.fork(`toxicity/${name}`).uint32() / UINT32_COUNT < toxicity;
}

export function linkToxicOf(view: ToxicView, connection: Prng): LinkToxic {
  const toxic = toxicOf(view);
  const isOn = isInForce(view, connection);
  return {
    isInForce: isOn,
    isCutAtRemoval: toxic.removal === "cut",
    start: (nowMs, previous) =>
      isOn ? toxic.start(view.attributes, connection.fork(`flow/${view.name}`), nowMs, previous) : PASSING,
  };
}

export function toxicOf({ type }: ToxicView): Toxic {
  return TOXICS.get(type)!;
}
