/** How a site may go, and which flags belong to which way. Without heavy imports: help names them. */
export const LOSS_WAYS = ["fail", "graceful-shutdown", "flap", "reset"] as const;
export type LossWay = (typeof LOSS_WAYS)[number];

/** Of each flag: with which ways it means something, and what it is when it is not given. */
export const LOSS_FLAGS = {
  detection: { ways: ["fail"], text: "0" },
  wait: { ways: ["graceful-shutdown"], ms: 60_000, text: "60s" },
  times: { ways: ["flap"], count: 3, text: "3" },
  down: { ways: ["flap", "reset"], ms: 10_000, text: "10s" },
  up: { ways: ["flap"], ms: 50_000, text: "50s" },
  session: { ways: ["reset"], text: "none" },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly ways: readonly LossWay[];
      readonly text: string;
      readonly ms?: number;
      readonly count?: number;
    }
  >
>;
