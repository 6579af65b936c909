/** Passes everything: what Toxiproxy has under this name, and what a toxic does to connections its share does not fall on. */
import { passOn, type Flow, type Toxic } from "./toxic.ts";

export const PASSING: Flow = { take: passOn };

export const noop: Toxic = { type: "noop", attributes: {}, start: () => PASSING };
