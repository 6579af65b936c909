/** The one reader of environment variables. Names are `ANYCASTLE_*` or those of the system's own conventions. */

/** Undefined when unset or empty. */
export function environmentValue(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/** It was meant for this process alone. */
export function forgetEnvironment(name: string): void {
  delete process.env[name];
}

/** The environment of a child: this process's own and what is given. */
export function childEnvironment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more };
}
