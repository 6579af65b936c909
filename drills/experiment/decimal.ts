/**
 * A number as a person or a body writes it, compared exactly with a double: Python's `Decimal("0.1") >= Decimal(0.1)` is
 * false, because the double is a little more than a tenth, and Chaos Toolkit's `range` is decided that way.
 */

/** `coefficient * 10^exponent`. */
export type Decimal =
  | { readonly coefficient: bigint; readonly exponent: number }
  | { readonly infinite: 1 | -1 };

const NUMBER = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:e([+-]?\d{1,6}))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
/** Beyond it both sides would be raised to powers that nobody computes. */
const EXPONENT_MAX = 400;

/** Undefined when `text` is no number, as `decimal.InvalidOperation`. White space around it and `_` within are Python's. */
export function decimalOf(text: string): Decimal | undefined {
  const bare = text.trim().replaceAll("_", "");
  const infinite = INFINITE.exec(bare);
  if (infinite !== null) return { infinite: infinite[1] === "-" ? -1 : 1 };
  const found = NUMBER.exec(bare);
  if (found === null) return undefined;
  const [, sign, whole = "", fraction = "", onlyFraction = "", exponent = "0"] = found;
  const digits = `${whole}${fraction}${onlyFraction}`;
  const coefficient = BigInt(digits) * (sign === "-" ? -1n : 1n);
  return { coefficient, exponent: Number(exponent) - fraction.length - onlyFraction.length };
}

/** Negative, 0 or positive. `double` is finite. */
export function compareWithDouble(decimal: Decimal, double: number): number {
  if ("infinite" in decimal) return decimal.infinite;
  const { coefficient, exponent } = decimal;
  if (Math.abs(exponent) > EXPONENT_MAX) {
    if (coefficient === 0n) return Math.sign(0 - double);
    const isHuge = exponent > 0;
    return isHuge
      ? coefficient > 0n
        ? 1
        : -1
      : double === 0
        ? coefficient > 0n
          ? 1
          : -1
        : Math.sign(-double);
  }
  const { numerator, shift } = fractionOf(double);
  // decimal = coefficient * 10^exponent, double = numerator * 2^shift, all whole after both are scaled up.
  const left =
    coefficient * (exponent > 0 ? 10n ** BigInt(exponent) : 1n) * (shift < 0 ? 2n ** BigInt(-shift) : 1n);
  const right =
    numerator * (shift > 0 ? 2n ** BigInt(shift) : 1n) * (exponent < 0 ? 10n ** BigInt(-exponent) : 1n);
  if (left === right) return 0;
  return left > right ? 1 : -1;
}

/** IEEE 754: `double = numerator * 2^shift`, exactly. */
function fractionOf(double: number): { numerator: bigint; shift: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, double);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const mantissa = bits & 0xfffffffffffffn;
  const magnitude = biased === 0 ? mantissa : mantissa | 0x10000000000000n;
  return { numerator: bits >> 63n === 1n ? -magnitude : magnitude, shift: Math.max(biased, 1) - 1075 };
}
