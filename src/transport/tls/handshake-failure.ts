import type { Reason } from "../../base/reason.ts";

/** What BoringSSL says of clients that do not speak TLS, or not one that is accepted. */
const REASONS: readonly (readonly [words: RegExp, reason: Reason])[] = [
  [/WRONG_VERSION_NUMBER|HTTP_REQUEST|HTTPS_PROXY_REQUEST/, "tls_plain_text"],
  [
    /UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|NO_SHARED_GROUP|NO_SUPPORTED_VERSIONS_ENABLED|INAPPROPRIATE_FALLBACK/,
    "tls_no_shared_version",
  ],
];

/** Why a client's handshake has failed. @param error as Bun reports it */
export function handshakeFailure(error: unknown): Reason {
  const message = error instanceof Error ? error.message : "";
  return REASONS.find(([words]) => words.test(message))?.[1] ?? "tls_handshake_failed";
}
