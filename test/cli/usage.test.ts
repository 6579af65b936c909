import { afterAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

interface Wrong {
  readonly name: string;
  readonly args: readonly string[];
  readonly status: number;
  /** Standard error, word for word. */
  readonly said: string;
}

const WRONG: readonly Wrong[] = [
  {
    name: "an unknown command is told apart with the nearest one",
    args: ["tset"],
    status: 2,
    said: "error: unknown command 'tset'\n  did you mean test?\n",
  },
  {
    name: "an unknown option too",
    args: ["demo", "--prot", "8080"],
    status: 2,
    said: "error: unknown option '--prot'\n  did you mean --port?\n",
  },
  {
    name: "an unknown subcommand too",
    args: ["config", "valdate"],
    status: 2,
    said: "error: unknown command 'valdate'\n  did you mean validate?\n",
  },
  {
    name: "the golden scenario does not run behind a relay",
    args: ["demo", "--script", "--toxiproxy"],
    status: 2,
    said: "error: --script measures the nodes themselves, not a relay before them\n  leave --toxiproxy out, or leave --script out and break it by hand\n",
  },
  {
    name: "a port of the relay that is none",
    args: ["demo", "--toxiproxy", "eight"],
    status: 2,
    said: "error: option '--toxiproxy [port]' argument 'eight' is invalid. It must be a whole number from 0 to 65535.\n",
  },
  {
    name: "an unknown site is told before a lab is looked for",
    args: ["kill", "ny2"],
    status: 2,
    said: 'error: there is no site or node "ny2"\n  did you mean "ny1"?\n',
  },
  {
    name: "a node of an unknown site keeps its number in the suggestion",
    args: ["revive", "hkg-2"],
    status: 2,
    said: 'error: there is no site or node "hkg-2"\n  did you mean "hkg1-2"?\n',
  },
  {
    name: "a site like no other gets the list",
    args: ["drain", "mars"],
    status: 2,
    said: 'error: there is no site or node "mars"\n  sites are ny1, la1, hgh1, ctu1, ams1, hkg1, szx1, syd1, wuh1; a node is ny1-1\n',
  },
  {
    name: "an unknown way to fail gets the list and the nearest",
    args: ["kill", "ny1", "--how", "hung"],
    status: 2,
    said: "error: option '--how <way>' argument 'hung' is invalid. It must be one of shutdown, kill, hang, isolate, bgp-cut. Did you mean hang?\n  `--help` after a command shows what it takes\n",
  },
  {
    name: "a city that is not there gets the nearest",
    args: ["test", "--url", "http://127.0.0.1:9", "--vantages", "new-york,pariss,londn"],
    status: 2,
    said: 'error: there is no city "pariss"\n',
  },
  {
    name: "a number out of range names the range",
    args: ["load", "--rate", "0"],
    status: 2,
    said: "error: option '--rate <n>' argument '0' is invalid. It must be a whole number from 1 to 5000.\n",
  },
  {
    name: "a time without a meaning shows what one looks like",
    args: ["load", "--duration", "soon"],
    status: 2,
    said: "It must be a time such as 30s, 2m or 500ms",
  },
  {
    name: "a stranger's host is not loaded",
    args: ["load", "--url", "http://example.com", "--rate", "100"],
    status: 2,
    said: "--i-may-load-this-host",
  },
  {
    name: "a node that no site has is refused before anything starts",
    args: ["demo", "--script", "--target", "ny1-3"],
    status: 2,
    said: 'error: there is no node "ny1-3": each site has 2\n  --nodes 3 would start it\n',
  },
  {
    name: "the scenario is not played where BGP decides nothing",
    args: ["demo", "--script", "--mode", "nearest"],
    status: 2,
    said: "use --mode anycast or --mode anycast-only",
  },
  {
    name: "too many arguments are an error",
    args: ["reset", "ny1"],
    status: 2,
    said: "error: too many arguments for 'reset'",
  },
  {
    name: "a command group without a command prints its help",
    args: ["config"],
    status: 2,
    said: "anycastle config print --sources",
  },
  ...["status", "reset", "kill ny1", "revive ny1", "drain ny1", "events", "test", "load"].map((typed) => ({
    name: `without a lab \`${typed}\` ends with 3 and says how to start one`,
    args: typed.split(" "),
    status: 3,
    said: "error: no lab is running\n  start one with `npm start`",
  })),
];

test.concurrent.for(WRONG)("$name", async ({ args, status, said }, { expect }) => {
  const run = await anycastle(dir, ...args);
  expect(run.stderr).toContain(said);
  expect(run.status).toBe(status);
  expect(run.stdout).toBe("");
});

test("with --json an error is a document too, and still told to people", async () => {
  const { status, stdout, stderr } = await anycastle(dir, "kill", "nx1", "--json");
  expect(status).toBe(2);
  expect(JSON.parse(stdout)).toEqual({
    schema: "anycastle.error/v1",
    error: {
      code: "TARGET_UNKNOWN",
      message: 'there is no site or node "nx1"',
      hint: 'did you mean "ny1"?',
    },
  });
  expect(stderr).toContain("error: there is no site");
});
