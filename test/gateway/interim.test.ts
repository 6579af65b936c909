/** Interim responses (1xx) of nodes: who gets them, how many, and that they commit to nothing (RFC 9110 §15.2, RFC 8297). */
import { request as httpRequest } from "node:http";
import { expect, test } from "vitest";
import {
  ask,
  converse,
  speak,
  until,
  withStand,
  type FakeNode,
  type Stand,
  type StandOptions,
} from "./stand.ts";

const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** The last of its connection. */
const GET = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const TWO: StandOptions["sites"] = { ny1: 1, la1: 1 };
/** Beyond what a test may take, so that what ends a wait is what the test is about. */
const NEVER_MS = 60_000;
const HEDGED: StandOptions = {
  sites: TWO,
  document: { hedge: { initialDelayMs: 30 }, retry: { perTryTimeoutMs: NEVER_MS, totalTimeoutMs: NEVER_MS } },
};
/** What the gateway passes on for one request at most. */
const PASSED_MAX = 16;

function statuses(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status!);
}

async function interims({ gateway }: Stand): Promise<number[]> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return ["passed", "dropped"].map((result) =>
    Number(new RegExp(`anycastle_interim_responses_total\\{result="${result}"\\} (\\d+)`).exec(text)![1]),
  );
}

/** Hints without end, as fast as they are taken, until the connection closes. */
function flood(node: FakeNode): void {
  node.handler = ({ socket }) => {
    const more = (): void => {
      while (!socket.destroyed) if (!socket.write(HINTS)) return void socket.once("drain", more);
    };
    more();
  };
}

function says(node: FakeNode, ...bytes: readonly string[]): void {
  node.handler = ({ socket }) => void socket.write(bytes.join(""));
}

test("hints are with the client before the answer is made; fields of the hop and lengths are not", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    let answer: () => void = () => undefined;
    node("ny1-1").handler = ({ socket }) => {
      socket.write(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </\u00e9.js>; rel=preload\r\n" +
          "Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 7\r\nX-Order: 1\r\n\r\n",
        "latin1",
      );
      answer = () => void socket.write(OK);
    };
    const text = await converse(port, GET, (heard) => {
      if (heard.endsWith("\r\n\r\n") && statuses(heard).length === 1) answer();
    });
    expect(text.slice(0, text.indexOf("HTTP/1.1 200"))).toBe(
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </\u00e9.js>; rel=preload\r\nX-Order: 1\r\n\r\n",
    );
    expect(text.endsWith("ok")).toBe(true);
  });
});

test.each([
  ["102 and statuses nobody knows pass", "GET", ["102", "103", "199"]],
  ["HEAD is hinted, too", "HEAD", ["103"]],
  ["what a body is sent for is hinted, too", "POST", ["103"]],
])("%s", async (_, method, given) => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    says(node("ny1-1"), ...given.map((status) => `HTTP/1.1 ${status} Some\r\n\r\n`), OK);
    const text = await speak(port, GET.replace("GET", method));
    expect(statuses(text)).toEqual([...given, "200"]);
  });
});

test("a client of HTTP/1.0 gets the answer alone, and no 100 either", async () => {
  await withStand({ sites: { ny1: 1 } }, async (stand) => {
    says(stand.node("ny1-1"), HINTS, OK);
    const head = "POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx";
    expect(statuses(await speak(stand.port, head))).toEqual(["200"]);
    expect(await interims(stand)).toEqual([0, 0]);
  });
});

test("100 is still the gateway's own, before the node's hints", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    node("ny1-1").handler = ({ socket }, _response, body) =>
      void socket.write(`${HINTS}${OK}${String(body)}`);
    const head =
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    const text = await converse(port, head, (heard, socket) => {
      if (heard === "HTTP/1.1 100 Continue\r\n\r\n") socket.write("hello");
    });
    expect(statuses(text)).toEqual(["100", "103", "200"]);
    expect(node("ny1-1").seen[0]!.body.toString()).toBe("hello");
  });
});

/** The node answers the second of two pipelined requests with `bytes`, then the first. */
async function pipelined(
  second: string,
  bytes: string,
): Promise<{ readonly text: string; readonly dropped: number }> {
  let result = { text: "", dropped: 0 };
  await withStand({ sites: { ny1: 2 } }, async (stand) => {
    for (const node of stand.nodes) {
      node.handler = ({ socket, url }) => {
        if (url === "/2") socket.write(bytes);
        else void until(() => stand.status().requests.active === 1).then(() => socket.write(OK));
      };
    }
    const text = await speak(stand.port, `GET /1 HTTP/1.1\r\nHost: x\r\n\r\n${second}`);
    result = { text, dropped: (await interims(stand))[1]! };
  });
  return result;
}

test("behind another answer hints are dropped, and the answer is what it would be without them", async () => {
  const { dropped, text } = await pipelined(GET.replace("/", "/2"), `${HINTS}${OK}`);
  expect([statuses(text), dropped]).toEqual([["200", "200"], 1]);
  expect(text.endsWith("\r\n\r\nok")).toBe(true);
});

test("behind another answer a 100 that comes too late is left out", async () => {
  const post =
    "POST /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx";
  const { text } = await pipelined(post, OK);
  expect(statuses(text)).toEqual(["200", "200"]);
  expect(text.endsWith("\r\n\r\nok")).toBe(true);
});

test("behind another answer a 100 comes when its turn has come", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    says(node("ny1-1"), OK);
    const both =
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n" +
      "POST /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    const text = await converse(port, both, (heard, socket) => {
      if (heard.endsWith("100 Continue\r\n\r\n")) socket.write("x");
    });
    expect(statuses(text)).toEqual(["200", "100", "200"]);
    expect(node("ny1-1").seen.map(({ body }) => body.toString())).toEqual(["", "x"]);
  });
});

/** Asked of a node that hints, and dies once the client has heard it. */
async function hintedAndLost(method: string, { node, port }: Stand): Promise<string> {
  let die: () => void = () => undefined;
  node("ny1-1").handler = ({ socket }) => {
    die = () => void socket.resetAndDestroy();
    socket.write(HINTS);
  };
  says(node("la1-1"), HINTS, OK);
  return await converse(port, GET.replace("GET", method), (heard) => {
    if (heard === HINTS) die();
  });
}

test("a hint commits to nothing: the request is asked elsewhere, or fails, as if there had been none", async () => {
  await withStand({ sites: TWO }, async (stand) => {
    expect(statuses(await hintedAndLost("GET", stand))).toEqual(["103", "103", "200"]);
    expect(stand.status().requests.rescued).toBe(1);
  });
  await withStand({ sites: TWO }, async (stand) => {
    const text = await hintedAndLost("POST", stand);
    expect(statuses(text)).toEqual(["103", "502"]);
    expect(text.toLowerCase()).toContain("x-gateway-failure: d; cause=reset");
    expect(stand.node("la1-1").seen).toEqual([]);
  });
});

test("hints of a hedge and of the attempt it stands beside both pass, until one of them answers", async () => {
  await withStand(HEDGED, async ({ node, port, status }) => {
    says(node("ny1-1"), HINTS);
    says(node("la1-1"), HINTS, OK);
    expect(statuses(await speak(port, GET))).toEqual(["103", "103", "200"]);
    expect(status().requests.hedgesWon).toBe(1);
  });
});

test("a node that hints without end is hedged like one that is silent, and left", async () => {
  await withStand(HEDGED, async (stand) => {
    flood(stand.node("ny1-1"));
    const text = await speak(stand.port, GET);
    expect(text.endsWith("la1-1\n")).toBe(true);
    expect(statuses(text)).toEqual([...Array.from({ length: PASSED_MAX }, () => "103"), "200"]);
    await until(() => stand.node("ny1-1").abandoned === 1);
    const [passed, dropped] = await interims(stand);
    expect([passed, dropped! > 0]).toEqual([PASSED_MAX, true]);
  });
});

test.each(["GET", "POST"])(
  "nodes that all hint without end hold a %s no longer than its deadline",
  async (method) => {
    const document = { retry: { perTryTimeoutMs: 100, totalTimeoutMs: 300 }, hedge: { isEnabled: false } };
    await withStand({ sites: TWO, document }, async (stand) => {
      for (const node of stand.nodes) flood(node);
      const text = await speak(stand.port, GET.replace("GET", method));
      const told = statuses(text);
      expect([told.length, told.at(-1)]).toEqual([PASSED_MAX + 1, "504"]);
      expect(text).toContain("cause=timeout");
      await until(() => stand.status().nodes.every(({ active }) => active === 0));
    });
  },
);

test.each([
  ["100, which it was not asked for", "HTTP/1.1 100 Continue\r\n\r\n"],
  [
    "101, to which nobody upgrades",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  ],
  ["a 103 whose fields are too long", `HTTP/1.1 103 Early Hints\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
  ["a 103 that is no HTTP", "HTTP/1.1 103 Early Hints\r\nX : 1\r\n\r\n"],
])("a node that says %s has failed, and another one is asked", async (_, bytes) => {
  await withStand({ sites: TWO }, async ({ node, port, status }) => {
    says(node("ny1-1"), bytes, OK);
    const text = await speak(port, GET);
    expect(statuses(text)).toEqual(["200"]);
    expect(text.endsWith("la1-1\n")).toBe(true);
    expect(status().nodes[0]!.failures).toBe(1);
  });
});

test("what a hint says of its length, or with a coding, is no body: the answer behind it is found", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    const lengths = "HTTP/1.1 103 Early Hints\r\nContent-Length: 90\r\n\r\n";
    const chunked = "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n";
    says(node("ny1-1"), lengths, chunked, OK);
    const text = await speak(port, GET);
    expect(statuses(text)).toEqual(["103", "103", "200"]);
    expect(text.toLowerCase().match(/content-length|transfer-encoding/g)).toEqual(["content-length"]);
  });
});

test("with the cache, who asked the node is hinted; who is answered from the store is not", async () => {
  await withStand({ sites: { ny1: 1 }, document: { cache: {} } }, async ({ node, port }) => {
    says(node("ny1-1"), HINTS, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok");
    expect(statuses(await speak(port, GET))).toEqual(["103", "200"]);
    expect(statuses(await speak(port, GET))).toEqual(["200"]);
    expect(node("ny1-1").seen.length).toBe(1);
    expect(statuses(await speak(port, GET.replace("GET", "POST")))).toEqual(["103", "200"]);
  });
});

test("a client of node:http is told as if it had asked the node itself", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ node, port }) => {
    node("ny1-1").handler = (_request, response) => {
      response.writeEarlyHints({ link: "</a.css>; rel=preload" });
      response.writeProcessing();
      response.end("ok");
    };
    const told: unknown[] = [];
    const request = httpRequest({ host: "127.0.0.1", port, agent: false });
    request.on("information", ({ statusCode, headers }) => told.push([statusCode, headers["link"]]));
    const status = new Promise((resolve) =>
      request.on("response", (answer) => resolve(answer.resume().statusCode)),
    );
    request.end();
    expect(await status).toBe(200);
    expect(told).toEqual([
      [103, "</a.css>; rel=preload"],
      [102, undefined],
    ]);
    expect((await ask(port)).status).toBe(200);
  });
});
