/** Are two secrets the same? In a time that tells nothing of how much of them is. */
import { timingSafeEqual } from "node:crypto";

export function isSameSecret(given: string, known: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(known);
  return a.length === b.length && timingSafeEqual(a, b);
}
