/**
 * A kind of fault: one file each, one line in the registry. Five things can be asked of it, in any order and more than once, since
 * nobody knows how far a keeper that was killed had come: inject, see that it works, remove, see that it is gone. The fifth,
 * ending by itself, is the keeper's.
 *
 * Seeing is done from outside: a connection that is refused, an answer that does not come. What the injection itself says is no
 * evidence.
 */
import { z } from "zod";
import type { FaultAttributes } from "#core/wire/keeper.ts";
import type { EmbeddedCast, EmbeddedNode } from "../embedded-cast.ts";

/** What is done to whom, in an embedded lab. Made anew for each step. */
export interface EmbeddedScene {
  readonly cast: EmbeddedCast;
  /** As it was asked for: what is told to the lab. */
  readonly target: string;
  /** As the lab has them now. */
  readonly nodes: readonly EmbeddedNode[];
  /** As the kind's schema has them. */
  readonly attributes: FaultAttributes;
}

/** Each throws when it is not as it should be; what was seen is returned. */
export interface EmbeddedFault {
  inject(scene: EmbeddedScene): Promise<void>;
  verify(scene: EmbeddedScene): Promise<string>;
  /** Also of what was never injected. */
  remove(scene: EmbeddedScene): Promise<void>;
  prove(scene: EmbeddedScene): Promise<string>;
}

export interface FaultKind {
  readonly kind: string;
  /** What may be said about it, with defaults; keys say their unit. */
  readonly attributes: z.ZodObject;
  /** The attribute that an intensity scales; absent: it is there or it is not. */
  readonly scaled?: string;
  /** Other names of the same. */
  readonly aliases: readonly string[];
  /** One sentence, for help texts. */
  readonly meaning: string;
  readonly embedded: EmbeddedFault;
}

export const NO_ATTRIBUTES = z.strictObject({});

/** Of a hundred requests, or moments. */
export function percent(byDefault: number, description: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).max(100).default(byDefault).describe(description);
}
