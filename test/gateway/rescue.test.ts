/** What becomes of a request whose node dies, refuses, resets, hangs or breaks off. */
import { Agent } from "node:http";
import { expect, test } from "vitest";
import { ask, hang, reset, startStand, until, withStand, type Answer, type FakeNode } from "./stand.ts";

const FAST_TRY = { retry: { perTryTimeoutMs: 200, totalTimeoutMs: 1_000 } };

test("a node killed under load fails no GET", async () => {
  await withStand({ sites: { ny1: 2, la1: 1 } }, async ({ gateway, nodes, node, port, status }) => {
    for (const each of nodes) {
      each.handler = (_request, response) => void setTimeout(() => each.answer(response), 3);
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    const answers: Answer[] = [];
    const pump = async (): Promise<void> => {
      for (let count = 0; count < 40; count++) answers.push(await ask(port, { agent }));
    };
    const pumps = Array.from({ length: 20 }, () => pump());
    await until(() => answers.length > 200);
    await node("ny1-1").kill();
    await Promise.all(pumps);
    agent.destroy();
    expect(answers.length).toBe(800);
    expect(answers.filter(({ status: code }) => code !== 200)).toEqual([]);
    expect(status().requests.failed).toBe(0);
    expect(gateway.status().nodes.find(({ node: id }) => id === "ny1-1")!.health).toBe("ejected");
    expect(status().nodes.every(({ active }) => active === 0)).toBe(true);
  });
});

test("a refused connection is retried for every method, and ejects at once", async () => {
  await withStand({}, async ({ events, node, port, status }) => {
    await node("ny1-1").kill();
    for (const method of ["GET", "POST", "PATCH", "GET"]) {
      const body = method === "GET" ? "" : "x";
      const answer = await ask(port, { method, body, headers: { "content-length": String(body.length) } });
      expect([answer.status, answer.headers["x-edge-node"]]).toEqual([200, "ny1-2"]);
    }
    expect(status().nodes[0]!.failures).toBe(1);
    expect(events.find(({ kind }) => kind === "gateway.node")).toMatchObject({
      node: "ny1-1",
      to: "ejected",
      reason: "refused",
    });
  });
});

test("a reset before the head: GET is retried at another node, POST is not", async () => {
  await withStand({ sites: { ny1: 1, la1: 1 } }, async ({ node, port, status }) => {
    node("ny1-1").handler = reset;
    const got = await ask(port);
    expect([got.status, got.headers["x-edge-route"]]).toEqual([200, "la1"]);
    expect(status().requests).toMatchObject({ rescued: 1, retries: 1, failed: 0 });
  });
  await withStand({ sites: { ny1: 1, la1: 1 } }, async ({ events, node, port }) => {
    node("ny1-1").handler = reset;
    const posted = await ask(port, { method: "POST", body: "once", headers: { "content-length": "4" } });
    expect(posted.status).toBe(502);
    expect(posted.headers["x-gateway-failure"]).toBe("D; cause=reset");
    expect(posted.headers["retry-after"]).toBe("1");
    expect(posted.body.toString()).toContain("502");
    expect(node("ny1-1").seen.length).toBe(1);
    expect(node("la1-1").seen).toEqual([]);
    expect(events.find(({ kind }) => kind === "gateway.failed")).toMatchObject({
      method: "POST",
      failure: "D reset",
      node: "ny1-1",
      attempts: 1,
    });
  });
});

test("a POST with Idempotency-Key is retried", async () => {
  await withStand({ sites: { ny1: 1, la1: 1 } }, async ({ node, port }) => {
    node("ny1-1").handler = reset;
    const headers = { "content-length": "4", "idempotency-key": "k1" };
    const answer = await ask(port, { method: "POST", body: "once", headers });
    expect(answer.status).toBe(200);
    expect(node("la1-1").seen[0]!.body.toString()).toBe("once");
  });
});

test("an answer that breaks before anything of it was passed on is nobody's loss", async () => {
  await withStand({ sites: { ny1: 1, la1: 1 } }, async ({ node, port, status }) => {
    // Head and broken chunk in one segment: the head is held when the body fails, so this is class E for certain.
    node("ny1-1").handler = (request) => {
      request.socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n");
    };
    const answer = await ask(port);
    expect([answer.status, answer.headers["x-edge-route"]]).toEqual([200, "la1"]);
    expect(status().requests).toMatchObject({ rescued: 1, retries: 1, failed: 0 });
  });
});

test("a silent node: GET is hedged and answered, the silence counts, three in a row eject", async () => {
  const document = { health: { profile: "demo", path: "/health/ready" } };
  await withStand({ document }, async ({ node, port, status }) => {
    await until(() => status().nodes.every(({ health }) => health === "healthy"));
    node("ny1-1").handler = hang;
    for (let count = 0; count < 12; count++) {
      const answer = await ask(port);
      expect([answer.status, answer.headers["x-edge-node"]]).toEqual([200, "ny1-2"]);
    }
    const { nodes, requests } = status();
    expect(nodes[0]!.failures).toBe(3);
    expect(requests).toMatchObject({ failed: 0, hedges: 3, hedgesWon: 3, rescued: 3 });
    await until(() => node("ny1-1").abandoned === 3);
  });
});

test("with every node silent, hedges and retries together stay within the retry budget", async () => {
  const document = {
    ...FAST_TRY,
    retry: { ...FAST_TRY.retry, budgetRatio: 0.2, budgetPerSecond: 0 },
    hedge: { budgetRatio: 0.2, budgetPerSecond: 0 },
  };
  await withStand({ sites: { ny1: 4, la1: 4 }, document }, async ({ nodes, port, status }) => {
    for (const node of nodes) node.handler = hang;
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(port)));
    expect(answers.every((answer) => answer.status === 504)).toBe(true);
    const { hedges, retries } = status().requests;
    expect(hedges + retries).toBe(8);
    expect(nodes.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(48);
  });
});

test("a silent node: POST waits, is not hedged, and ends with 504", async () => {
  await withStand({ document: FAST_TRY }, async ({ nodes, port, status }) => {
    for (const node of nodes) node.handler = hang;
    const answer = await ask(port, { method: "POST", body: "x", headers: { "content-length": "1" } });
    expect(answer.status).toBe(504);
    expect(answer.headers["x-gateway-failure"]).toBe("D; cause=timeout");
    expect(nodes[0]!.seen.length + nodes[1]!.seen.length).toBe(1);
    expect(status().requests.hedges).toBe(0);
  });
});

test("each attempt has its own time: the first one's is not prolonged by its hedge", async () => {
  const document = { ...FAST_TRY, retry: { ...FAST_TRY.retry, attemptsMax: 3 } };
  await withStand({ sites: { ny1: 2, la1: 1 }, document }, async ({ nodes, port, status }) => {
    for (const node of nodes) node.handler = hang;
    const answer = await ask(port);
    expect(answer.status).toBe(504);
    expect(status().nodes.map(({ failures }) => failures)).toEqual([1, 1, 1]);
    expect(status().nodes.every(({ active }) => active === 0)).toBe(true);
    await until(() => nodes.every(({ abandoned }) => abandoned === 1));
  });
});

test("an answer that breaks off aborts the client's connection", async () => {
  await withStand({}, async ({ events, nodes, port, status }) => {
    for (const node of nodes) {
      node.handler = (request, response) => {
        response.writeHead(200, { "content-length": 1_000 });
        response.write("part");
        setTimeout(() => request.socket.resetAndDestroy(), 20);
      };
    }
    await expect(ask(port)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(status().requests).toMatchObject({ failed: 1, retries: 0, active: 0 });
    expect(events.find(({ kind }) => kind === "gateway.failed")).toMatchObject({ failure: "F reset" });
  });
});

test("a chunked answer that breaks off never ends cleanly", async () => {
  await withStand({}, async ({ nodes, port }) => {
    for (const node of nodes) {
      node.handler = (request, response) => {
        response.write("part");
        setTimeout(() => request.socket.destroy(), 20);
      };
    }
    await expect(ask(port)).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

for (const framing of ["content-length", "chunked"] as const) {
  test(`a body of 64 KiB is sent again, whole (${framing})`, async () => {
    await withStand({ sites: { ny1: 1, la1: 1 } }, async ({ node, port }) => {
      node("ny1-1").handler = reset;
      const body = Buffer.alloc(64 * 1024, "abcdefg");
      const headers: Record<string, string> =
        framing === "chunked"
          ? { "transfer-encoding": "chunked" }
          : { "content-length": String(body.length) };
      const answer = await ask(port, { method: "PUT", body, headers });
      expect(answer.status).toBe(200);
      expect(node("la1-1").seen[0]!.body.equals(body)).toBe(true);
    });
  });

  test(`a body of more than 64 KiB is not sent again (${framing})`, async () => {
    await withStand({ sites: { ny1: 1, la1: 1 } }, async ({ node, port }) => {
      node("ny1-1").handler = reset;
      const body = Buffer.alloc(64 * 1024 + 1, "a");
      const headers: Record<string, string> =
        framing === "chunked"
          ? { "transfer-encoding": "chunked" }
          : { "content-length": String(body.length) };
      const answer = await ask(port, { method: "PUT", body, headers });
      expect(answer.status).toBe(502);
      expect(answer.headers["x-gateway-failure"]).toBe("D; cause=reset; body=too-large-to-repeat");
      expect(node("ny1-1").seen[0]!.body.length).toBe(body.length);
      expect(node("la1-1").seen).toEqual([]);
    });
  });
}

test("with every node down, attempts stay within the retry budget", async () => {
  // Hedges have a budget of their own; a box that stands still for 150 ms would draw on it.
  const document = {
    retry: { budgetPerSecond: 1, budgetRatio: 0.2, attemptsMax: 4 },
    hedge: { isEnabled: false },
  };
  await withStand({ sites: { ny1: 2, la1: 2 }, document }, async ({ nodes, port, status }) => {
    for (const node of nodes) node.handler = reset;
    const count = 200;
    for (let index = 0; index < count; index++) {
      const answer = await ask(port);
      expect(answer.status).toBe(502);
    }
    const attempts = nodes.reduce((sum, node) => sum + node.seen.length, 0);
    // 20 % of the requests and the ten that a window of 10 s allows beside them.
    expect(attempts).toBeLessThanOrEqual(count * 1.2 + 10);
    expect(status().requests.retries).toBe(attempts - count);
  });
});

test("with no node reachable the answer is 502 of class A", async () => {
  await withStand({}, async ({ nodes, port }) => {
    for (const node of nodes) await node.kill();
    const answer = await ask(port);
    expect(answer.status).toBe(502);
    expect(answer.headers["x-gateway-failure"]).toBe("A; cause=refused");
  });
});

test("a node comes back only when its checks pass", async () => {
  const document = { health: { profile: "demo", path: "/health/ready" } };
  await withStand({ document }, async ({ node, port, status }) => {
    await until(() => status().nodes.every(({ health }) => health === "healthy"));
    await node("ny1-1").kill();
    await until(() => status().nodes[0]!.health !== "healthy");
    await node("ny1-1").listen();
    await until(() => status().nodes[0]!.health === "healthy");
    const names = new Set<unknown>();
    for (let count = 0; count < 4; count++) names.add((await ask(port)).headers["x-edge-node"]);
    expect(names).toEqual(new Set(["ny1-1", "ny1-2"]));
  });
});

test("a node that says it drains gets no new requests, and nothing fails", async () => {
  const document = { health: { profile: "demo", path: "/health/ready" } };
  await withStand({ document }, async ({ node, port, status }) => {
    node("ny1-1").isDraining = true;
    await until(() => status().nodes[0]!.health === "draining" && status().nodes[1]!.health === "healthy");
    for (let count = 0; count < 6; count++) {
      expect((await ask(port)).headers["x-edge-node"]).toBe("ny1-2");
    }
  });
});

test("a client that leaves takes its attempts along, and no node is blamed", async () => {
  const stand = await startStand({ document: { hedge: { isEnabled: false } } });
  const { nodes, port, status } = stand;
  for (const node of nodes) node.handler = hang;
  const controller = new AbortController();
  const asked = ask(port, { signal: controller.signal });
  await until(() => nodes.some((node) => node.seen.length === 1));
  controller.abort();
  await expect(asked).rejects.toMatchObject({ code: "ABORT_ERR" });
  await until(() => nodes.some(({ abandoned }) => abandoned === 1));
  expect(status().requests).toMatchObject({ active: 0, failed: 0 });
  expect(status().nodes.map(({ active, failures }) => active + failures)).toEqual([0, 0]);
  await stand.close();
});

test("idle nodes take turns", async () => {
  await withStand({}, async ({ nodes, port }) => {
    for (let count = 0; count < 10; count++) await ask(port);
    expect(nodes.map(({ seen }) => seen.length)).toEqual([5, 5]);
  });
});

function answering(status: number): FakeNode["handler"] {
  return (_request, response) => response.writeHead(status, { "content-type": "text/plain" }).end("no\n");
}

test("an answer that says the node cannot is asked of another one: GET is, POST is not", async () => {
  await withStand({ sites: { ny1: 1, la1: 1 } }, async ({ node, port, status }) => {
    node("ny1-1").handler = answering(503);
    const got = await ask(port);
    expect([got.status, got.headers["x-edge-route"]]).toEqual([200, "la1"]);
    expect(status().requests).toMatchObject({ rescued: 1, retries: 1, failed: 0 });
    const posted = await ask(port, { method: "POST", body: "x", headers: { "content-length": "1" } });
    expect([posted.status, posted.body.toString()]).toEqual([503, "no\n"]);
    const keyed = { "content-length": "1", "idempotency-key": "k" };
    expect((await ask(port, { method: "POST", body: "x", headers: keyed })).status).toBe(200);
  });
});

test("with nobody else in good health the client gets the answer, and a 500 is nobody's else to mend", async () => {
  await withStand({ sites: { ny1: 2 } }, async ({ nodes, port, status }) => {
    for (const node of nodes) node.handler = answering(503);
    const answer = await ask(port);
    expect([answer.status, answer.body.toString()]).toEqual([503, "no\n"]);
    expect(nodes.map(({ seen }) => seen.length)).toEqual([1, 1]);
    for (const node of nodes) node.handler = answering(500);
    expect((await ask(port)).status).toBe(500);
    expect(nodes.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(3);
    expect(status().nodes.every(({ active }) => active === 0)).toBe(true);
  });
});

test("with every node answering 503 nodes see no more than the budget allows", async () => {
  const document = { retry: { budgetRatio: 0.2, budgetPerSecond: 0 }, outlier: { consecutiveErrors: 0 } };
  await withStand({ sites: { ny1: 3 }, document }, async ({ nodes, port }) => {
    for (const node of nodes) node.handler = answering(503);
    for (let count = 0; count < 100; count++) expect((await ask(port)).status).toBe(503);
    expect(nodes.reduce((sum, { seen }) => sum + seen.length, 0)).toBeLessThanOrEqual(120);
  });
});

test("a node that speaks no HTTP loses no GET, and is out after five answers of that kind", async () => {
  const document = { health: { profile: "demo", path: "/health/ready" } };
  await withStand({ sites: { ny1: 3 }, document }, async ({ events, node, port, status }) => {
    await until(() => status().nodes.every(({ health }) => health === "healthy"));
    node("ny1-1").handler = (request) => {
      request.socket.write("HTTP/1.1 200 OK\r\n\u0000\u0007: \r\r\n<<<");
    };
    for (let count = 0; count < 60; count++) expect((await ask(port)).status).toBe(200);
    expect(status().nodes[0]!.health).toBe("ejected");
    expect(node("ny1-1").seen.length).toBe(5);
    expect(events).toContainEqual(
      expect.objectContaining({ node: "ny1-1", reason: "5 gateway errors in a row" }),
    );
  });
});
