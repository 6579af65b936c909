import { expect, test } from "vitest";
import { parseWrk } from "../../bench/load.ts";
import { benchResult, median, renderResults } from "../../bench/results.ts";

test("the median is the middle, or the mean of the two in the middle", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("wrk's report is read with its units, and everything that failed is counted", () => {
  const report = `Running 1s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.85ms   17.35ms 253.85ms   97.24%
    Req/Sec    60.49k     6.40k   67.50k    90.00%
  Latency Distribution
     50%    0.98ms
     75%    1.05ms
     90%    1.22s 
     99%   86.15ms
  60215 requests in 1.00s, 17.02MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:  60087.25
Transfer/sec:     16.99MB
`;
  expect(parseWrk(report)).toEqual({ requests: 60_215, failed: 15, p50Us: 980, p99Us: 86_150 });
  expect(parseWrk("     50%  700.00us\n     99%    1.50s \n7 requests in 1.00s\n")).toEqual({
    requests: 7,
    failed: 0,
    p50Us: 700,
    p99Us: 1_500_000,
  });
});

test("the table compares every proxy with nginx", () => {
  const table = renderResults([
    benchResult("gateway.p50_us", "us", [20, 40, 30], {}),
    benchResult("nginx.p50_us", "us", [10, 10, 10], {}),
    benchResult("start.ms", "ms", [1500, 1501], {}),
  ]);
  expect(table.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
    "figure median range samples",
    "gateway.p50_us 30.0 us 20.0-40.0 n=3 3.00 x nginx",
    "nginx.p50_us 10.0 us 10.0-10.0 n=3",
    "start.ms 1501 ms 1500-1501 n=2",
  ]);
});
