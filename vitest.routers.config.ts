/** Real BGP routers in network namespaces, one file after the other: each owns two namespaces and a few timers. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/routers/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
