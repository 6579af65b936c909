/** Real BGP routers in network namespaces. Each test owns its two, and waits for facts, not for times: two at once. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/routers/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
