/**
 * Base images without any registry: what this machine's own Node needs to run, and beside it, for the first stage only,
 * npm with the certificates that this machine trusts. Nothing else of the machine is in them: no shell, no packages.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { succeed, type CommandOptions } from "./command.ts";

const IMPORT_MS_MAX = 60_000;
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Where the first stage finds them, for `--build-arg NODE_EXTRA_CA_CERTS`. */
export const CERTIFICATES_IN_IMAGE = "/etc/ssl/build-ca.crt";

export interface BaseImages {
  readonly base: string;
  readonly build: string;
  /** Undefined: the machine has none, so that Node's own must do. */
  readonly certificates: string | undefined;
}

/** `directory` is empty and the caller's to remove; `tag` goes behind the names. */
export async function importBaseImages(
  directory: string,
  tag: string,
  env: Readonly<Record<string, string>>,
): Promise<BaseImages> {
  const options: CommandOptions = { timeoutMs: IMPORT_MS_MAX, env };
  const images = { base: `anycastle-base:${tag}`, build: `anycastle-build:${tag}` };
  const runtime = join(directory, "runtime");
  for (const path of ["etc", "tmp", "usr/local/bin"]) mkdirSync(join(runtime, path), { recursive: true });
  chmodSync(join(runtime, "tmp"), 0o1777);
  writeFileSync(join(runtime, "etc/passwd"), "root:x:0:0::/:/none\nnode:x:10001:10001::/:/none\n");
  writeFileSync(join(runtime, "etc/group"), "root:x:0:\nnode:x:10001:\n");
  await copyProgram(realpathSync(process.execPath), join(runtime, "usr/local/bin/node"), runtime);
  await importTree(runtime, images.base, options);

  // Over a copy, not a second layer: `docker import` starts from nothing.
  await copyProgram("/usr/bin/env", join(runtime, "usr/bin/env"), runtime);
  const npm = realpathSync(await succeed(["sh", "-c", "command -v npm"], options));
  mkdirSync(join(runtime, "usr/local/lib"), { recursive: true });
  cpSync(dirname(dirname(npm)), join(runtime, "usr/local/lib/npm"), { recursive: true, dereference: true });
  symlinkSync("../lib/npm/bin/npm-cli.js", join(runtime, "usr/local/bin/npm"));
  const hasCertificates = existsSync(CERTIFICATES);
  if (hasCertificates) {
    mkdirSync(join(runtime, "etc/ssl"), { recursive: true });
    copyFileSync(CERTIFICATES, join(runtime, CERTIFICATES_IN_IMAGE));
  }
  await importTree(runtime, images.build, options);
  return { ...images, certificates: hasCertificates ? CERTIFICATES_IN_IMAGE : undefined };
}

/** The program and the shared libraries that it names, each where it is looked for. */
async function copyProgram(from: string, to: string, root: string): Promise<void> {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, 0o755);
  const listed = await succeed(["ldd", from], { timeoutMs: IMPORT_MS_MAX });
  for (const [library] of listed.matchAll(/\/[^\s()]+/g)) {
    const target = join(root, library);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(library, target);
    chmodSync(target, 0o755);
  }
}

async function importTree(root: string, image: string, options: CommandOptions): Promise<void> {
  const archive = `${root}.tar`;
  await succeed(
    ["tar", "--create", "--owner=0", "--group=0", `--file=${archive}`, `--directory=${root}`, "."],
    options,
  );
  const path = "ENV PATH=/usr/local/bin:/usr/bin:/bin";
  await succeed(["docker", "import", "--change", path, "--change", 'CMD ["node"]', archive, image], options);
}
