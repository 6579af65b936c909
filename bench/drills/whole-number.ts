/** A flag that is a whole number; throws a sentence that says which there may be. */
export function wholeNumber(
  flag: string,
  text: string | undefined,
  { otherwise, min, max }: { readonly otherwise: number; readonly min: number; readonly max: number },
): number {
  const value = Number(text ?? otherwise);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${flag} ${text} is not a whole number from ${min} to ${max}`);
}
