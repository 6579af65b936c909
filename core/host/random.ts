/** Randomness that is not seeded: tokens, and the seed of a run nobody gave one for. */
import { createHmac, randomBytes, randomInt } from "node:crypto";

/** 256 bits, URL-safe. */
export function randomToken(): string {
  return randomBytes(32).toString("base64url");
}

/** 128 bits, URL-safe: always the same for a name, and not to be guessed without the secret (HMAC-SHA-256, RFC 2104). */
export function keyedToken(secret: string, name: string): string {
  return createHmac("sha256", secret).update(name).digest().subarray(0, 16).toString("base64url");
}

/** A fresh seed in [1, 2^31). */
export function randomSeed(): number {
  return randomInt(1, 2 ** 31);
}
