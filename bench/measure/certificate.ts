import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate for 127.0.0.1 that signs itself, its key, and both in one file, as HAProxy wants them. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
  readonly both: string;
  remove(): Promise<void>;
}

/** Null when pairs can be made here; otherwise how to get what is missing. */
export function missingOpenssl(): string | null {
  return Bun.which("openssl") === null ? "apt install openssl" : null;
}

/** Makes a pair of files with a P-256 key, which is what most servers use today. */
export async function makePair(): Promise<Pair> {
  const directory = await mkdtemp(join(tmpdir(), "ringway-bench-tls-"));
  const [cert, key, both] = ["cert.pem", "key.pem", "both.pem"].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  const child = Bun.spawn(
    [
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ],
    { stdout: "ignore", stderr: "pipe" },
  );
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`openssl makes no certificate: ${said.trim()}`);
  await Bun.write(both, (await Bun.file(cert).text()) + (await Bun.file(key).text()));
  return { cert, key, both, remove: () => rm(directory, { recursive: true, force: true }) };
}
