// The health check of a container: asks ANYCASTLE_HEALTH_URL and ends with 0 when the answer is a success, else with 1
// and a sentence that `docker inspect` shows. Plain JavaScript without imports of ours: it runs every few seconds in
// every container, and must cost as little as a process can.
import { get } from "node:http";

const TIMEOUT_MS = 2000;
const url = process.env.ANYCASTLE_HEALTH_URL || "http://127.0.0.1:8080/health/ready";

try {
  const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
    const isHealthy = response.statusCode >= 200 && response.statusCode < 300;
    if (!isHealthy) process.stdout.write(`${url} answered ${response.statusCode}\n`);
    process.exitCode = isHealthy ? 0 : 1;
    response.resume();
  });
  request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  request.on("error", (error) => {
    process.stdout.write(`${url}: ${error.message}\n`);
    process.exitCode = 1;
  });
} catch (error) {
  process.stdout.write(`ANYCASTLE_HEALTH_URL "${url}": ${error.message}\n`);
  process.exitCode = 1;
}
