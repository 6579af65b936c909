/** Randomness that is not seeded: tokens, and the seed of a run nobody gave one for. */
import { randomBytes, randomInt } from "node:crypto";

/** 256 bits, URL-safe. */
export function randomToken(): string {
  return randomBytes(32).toString("base64url");
}

/** A fresh seed in [1, 2^31). */
export function randomSeed(): number {
  return randomInt(1, 2 ** 31);
}
