/** Certificates for a drill: an authority of its own, and as many servers' for 127.0.0.1 as are wanted, made by openssl. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
const EXTENSIONS = "subjectAltName=IP:127.0.0.1\n";

export interface Certificate {
  /** Its common name; no two have the same. */
  readonly name: string;
  readonly cert: string;
  readonly key: string;
}

/** Throws where there is no openssl. All are files in `directory`; `ca` is what clients are to trust. */
export function makeCertificates(directory: string, count: number): { ca: string; all: Certificate[] } {
  const openssl = (words: string): void =>
    void execFileSync("openssl", words.split(" "), { cwd: directory, stdio: "pipe" });
  openssl(`req -x509 ${KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=drill-ca`);
  writeFileSync(join(directory, "extensions"), EXTENSIONS);
  const all = Array.from({ length: count }, (_, index): Certificate => {
    const name = `certificate-${index + 1}`;
    openssl(`req ${KEY} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    const by = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions";
    openssl(`x509 -req -in ${name}.csr -out ${name}.pem ${by}`);
    return { name, cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
  });
  return { ca: join(directory, "ca.pem"), all };
}
