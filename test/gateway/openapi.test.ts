/** The admin API's own description: valid, whole, and true. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { startGateway } from "#gateway/gateway.ts";
import { Prng } from "#core/prng.ts";
import { withStand, type Stand } from "./stand.ts";

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: unknown }>>>>;
}

/** With everything that can be asked of it. */
async function withAll(work: (adminUrl: string, document: Document) => Promise<void>): Promise<void> {
  await withStand({}, async ({ config }: Stand) => {
    const gateway = await startGateway(config, {
      events: { emit: () => undefined },
      adminToken: "a token of this test",
      version: "1.2.3",
      prng: new Prng(1),
      readConfig: () => ({ ok: true, config }),
    });
    try {
      const document = (await (await fetch(`${gateway.adminUrl}/api/v1/openapi.json`)).json()) as Document;
      await work(gateway.adminUrl!, document);
    } finally {
      await gateway.close();
    }
  });
}

test("it is valid OpenAPI 3.1, and describes just what the server lists", async () => {
  await withAll(async (adminUrl, document) => {
    expect(document.openapi).toBe("3.1.0");
    const { errors, valid } = await new Validator().validate(structuredClone(document) as never);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    const { paths } = (await (await fetch(`${adminUrl}/`)).json()) as { paths: string[] };
    const told = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
    );
    expect(told.toSorted()).toEqual(paths.toSorted());
  });
});

test("everything it describes answers, and what changes something asks for the token", async () => {
  await withAll(async (adminUrl, document) => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const url = `${adminUrl}${path.replace(/\{\w+\}/g, "ny1-1")}`;
        const isGet = method === "get";
        const { status } = await fetch(url, {
          method: method.toUpperCase(),
          ...(isGet ? {} : { headers: { "content-type": "application/json" }, body: "{}" }),
        });
        expect(`${method} ${path}: ${status}`).toBe(`${method} ${path}: ${isGet ? 200 : 401}`);
        expect(operation.security === undefined).toBe(isGet);
      }
    }
  });
});
