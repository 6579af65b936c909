/** The scripts of loadtest/k6 run by real k6; everything but one test skips where there is none. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/k6/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
