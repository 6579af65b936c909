/** The source's end goes on `delay` ms later; bytes are not delayed. */
import { attributeOf, passOn, type Toxic } from "./toxic.ts";

export const slowClose: Toxic = {
  type: "slow_close",
  attributes: { delay: "int64" },
  start(attributes) {
    const delayMs = attributeOf(attributes, "delay");
    return { take: passOn, end: (nowMs) => nowMs + delayMs };
  },
};
