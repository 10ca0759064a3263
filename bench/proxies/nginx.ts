import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Pair } from "../measure/certificate.ts";
import { relayLimit } from "../measure/limits.ts";
import { firstLine, type ProxyAdapter } from "./proxy.ts";

/** Where distributions put the module, when it is not compiled in. */
const MODULES = [
  "/usr/lib/nginx/modules/ngx_stream_module.so",
  "/usr/lib64/nginx/modules/ngx_stream_module.so",
  "/usr/share/nginx/modules/ngx_stream_module.so",
];

// One worker, no logs, TCP_NODELAY (its default, written down); buffers as they come.
function configuration(
  listenPort: number,
  upstreamPort: number,
  directory: string,
  tls: Pair | null,
): string {
  const module = modulePath();
  return `${module === null ? "" : `load_module ${module};`}
daemon off;
worker_processes 1;
pid ${join(directory, "nginx.pid")};
error_log stderr error;
events { worker_connections ${relayLimit() * 2 + 100}; }
stream {
  access_log off;
  tcp_nodelay on;
  proxy_connect_timeout 5s;
  proxy_timeout 1h;
  server {
    listen 127.0.0.1:${listenPort}${tls === null ? "" : " ssl"} backlog=4096;
${tls === null ? "" : tlsLines(tls)}    proxy_pass 127.0.0.1:${upstreamPort};
  }
}
`;
}

/** Its sessions can be resumed, as those of the others can. */
function tlsLines({ cert, key }: Pair): string {
  return `    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:bench:10m;
    proxy_buffer_size 64k;
`;
}

/** nginx's stream module with one worker. */
export const nginx: ProxyAdapter = {
  name: "nginx",
  isOurs: false,
  endsTls: true,
  async missing() {
    if (path() === null) return "apt install nginx libnginx-mod-stream";
    return modulePath() !== null || (await hasStream()) ? null : "apt install libnginx-mod-stream";
  },
  version: () => firstLine([path() ?? "nginx", "-v"]),
  executables: () => [path() ?? "", modulePath() ?? ""].filter((file) => file !== ""),
  async command(listenPort, upstreamPort, directory, tls) {
    const file = join(directory, "nginx.conf");
    await Bun.write(file, configuration(listenPort, upstreamPort, directory, tls));
    return [path() ?? "nginx", "-e", "stderr", "-p", directory, "-c", file];
  },
};

function path(): string | null {
  return Bun.which("nginx", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
}

function modulePath(): string | null {
  return MODULES.find((file) => existsSync(file)) ?? null;
}

async function hasStream(): Promise<boolean> {
  const child = Bun.spawn([path() ?? "nginx", "-V"], { stdout: "ignore", stderr: "pipe" });
  return /--with-stream(\s|$)/m.test(await child.stderr.text());
}
