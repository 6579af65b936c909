/** Names that people give to things of a configuration: short, and safe in paths, labels, fields and hosts. */
import { z } from "zod";

const ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** `what`: `the site`. */
export const id = (what: string) =>
  z
    .string()
    .regex(ID, `${what} is lower-case letters, digits and hyphens, at most 64`)
    .describe(`Id of ${what}: lower-case letters, digits, hyphens.`);
