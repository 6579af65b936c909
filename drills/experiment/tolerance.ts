/**
 * What a probe's value may be, as it stands in the file. How it is judged: `judge-tolerance.ts`.
 *
 * A list means two things in Chaos Toolkit: on the result of an HTTP call it is membership of the status, on another
 * value an inclusive range when it has two elements and membership otherwise.
 */
import type { Call } from "./experiment.ts";
import type { Json } from "./json.ts";

export type Tolerance =
  | { readonly type: "scalar"; readonly value: string | number | boolean }
  | { readonly type: "list"; readonly values: readonly Json[] }
  | { readonly type: "regex"; readonly pattern: string; readonly target?: string }
  | {
      readonly type: "jsonpath";
      readonly path: string;
      readonly target?: string;
      /** How many matches there must be. */
      readonly count?: Json;
      /** All matches; one that is no list is the only match. Absent: any match will do. */
      readonly expect?: Json;
    }
  | { readonly type: "range"; readonly range: readonly [number, number]; readonly target?: string }
  /** Another call, which gets the value as its argument `value` and says yes or no. */
  | { readonly type: "probe"; readonly name: string; readonly call: Call };
