/** A refusal of the API, in the words and with the status that Toxiproxy has for it. */
export class ApiError extends Error {
  readonly code = "RELAY_REFUSED";
  readonly status: number;

  constructor(status: number, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.status = status;
  }
}

export function badBody(why: string): ApiError {
  return new ApiError(400, `bad request body: ${why}`);
}

export function missingField(field: string): ApiError {
  return new ApiError(400, `missing required field: ${field}`);
}

export const PROXY_NOT_FOUND = "proxy not found";
export const TOXIC_NOT_FOUND = "toxic not found";
