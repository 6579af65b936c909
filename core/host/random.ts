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

const HEX_POOL_BYTES = 4_096;
let pool = Buffer.alloc(0);
let poolAt = 0;

/** So many random bytes in hexadecimal, lower case; cheap enough for every request. */
export function randomHex(bytes: number): string {
  if (poolAt + bytes > pool.length) {
    pool = randomBytes(HEX_POOL_BYTES);
    poolAt = 0;
  }
  poolAt += bytes;
  return pool.toString("hex", poolAt - bytes, poolAt);
}

/** A fresh seed in [1, 2^31). */
export function randomSeed(): number {
  return randomInt(1, 2 ** 31);
}
