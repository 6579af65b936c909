/**
 * What a load run is told, one document: the same for the process a lab starts and for `anycastle load`. Unknown keys
 * are errors. Units stand in the names; every default is that of a run by hand, the demo states its own.
 */
import { z } from "zod";
import { UserError } from "#core/errors.ts";

/** Fields go into a request head as they are: nothing that could end a line. */
const FIELD_VALUE = /^[\x21-\x7e]+$/;

const httpUrl = z
  .string()
  .refine((text) => URL.parse(text)?.protocol === "http:", { error: "is no http:// URL" });

const vantage = z.strictObject({
  /** Name in results. */
  vantage: z.string().min(1).max(64),
  /** Host field of its requests, `new-york.localhost:8080`. */
  host: z.string().max(255).regex(FIELD_VALUE, { error: "has characters that no Host field may have" }),
});

export const loadDocumentSchema = z
  .strictObject({
    /** Where to connect; its path is what GET asks for. */
    url: httpUrl,
    /** Requests a second, over all vantages. */
    rate: z.number().min(1).max(5_000),
    /** Length of the counted part of the plan. A stop ends it earlier. */
    durationMs: z
      .int()
      .min(1)
      .max(24 * 3_600_000),
    /** The counted part in steps of constant rate; their lengths add up to `durationMs`. Without: `rate` all the time. */
    steps: z
      .array(z.strictObject({ rate: z.int().min(1).max(5_000), durationMs: z.int().min(1) }))
      .min(1)
      .max(16)
      .optional(),
    /** Sent before it by the same plan and left out of statistics and log. */
    warmUpMs: z.int().min(0).max(600_000).default(0),
    /** Taken in turn, in a seeded order. */
    vantages: z.array(vantage).min(1).max(64),
    /** Share of requests on a connection of their own; the rest reuse connections. */
    freshPercent: z.int().min(0).max(100).default(50),
    /** Share of POST; the rest is GET. */
    postPercent: z.int().min(0).max(100).default(5),
    postPath: z.string().startsWith("/").regex(FIELD_VALUE).default("/echo"),
    /** From the due time to the last byte; what takes longer has failed. */
    timeoutMs: z.int().min(1).max(60_000).default(10_000),
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(1),
    /** The run is void when p99.9 of real minus planned send time is above this. */
    lagGateMs: z.number().positive().max(10_000).default(2),
    /** Requests on their way at once. One that is due beyond this is not sent, and the run is void. */
    openMax: z.int().min(1).max(60_000).default(8_192),
    /** LoadResult, JSON. */
    resultFile: z.string().min(1),
    /** One record a request, binary: see request-log.ts. */
    logFile: z.string().min(1),
    /** Base URLs of the nodes, asked afterwards which POST they executed more than once. */
    executionUrls: z.array(httpUrl).max(1_024).default([]),
  })
  .refine(({ steps, durationMs }) => steps === undefined || sumOf(steps) === durationMs, {
    error: "do not add up to durationMs",
    path: ["steps"],
  });

export type LoadDocument = z.output<typeof loadDocumentSchema>;
/** As a caller writes it: what has a default may be left out. */
export type LoadDocumentInput = z.input<typeof loadDocumentSchema>;

function sumOf(steps: readonly { readonly durationMs: number }[]): number {
  return steps.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

export function parseLoadDocument(document: unknown): LoadDocument {
  const parsed = loadDocumentSchema.safeParse(document);
  if (parsed.success) return Object.freeze(parsed.data);
  const faults = parsed.error.issues.map(
    (issue) => `${issue.path.join(".") || "document"}: ${issue.message}`,
  );
  throw new UserError(
    "LOAD_DOCUMENT",
    `the load document has ${faults.length} error(s): ${faults.join("; ")}`,
    {
      hint: "`anycastle load --help` lists the options",
    },
  );
}
