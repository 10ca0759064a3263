import { ejectionDefaults } from "../upstream/health/check-options.ts";
import * as form from "./forms.ts";
import { checkHeaders, checks, healthDefaults, healthRules } from "./health.ts";
import { formatDuration } from "./quantity.ts";
import { settingsBy } from "./schema-value.ts";

const setting = settingsBy(healthRules);

/** What is said of upstreams' health. */
export const healthSettings = {
  check: setting("check", form.words(checks), "How upstreams are checked.", "none"),
  checkInterval: setting(
    "checkInterval",
    form.duration(),
    "Between two checks of an upstream, 100ms…1h; four times faster while it is changing.",
    formatDuration(healthDefaults.intervalMs),
  ),
  checkTimeout: setting(
    "checkTimeout",
    form.duration(),
    "A check has failed after this, 10ms…1h.",
    formatDuration(healthDefaults.timeoutMs),
  ),
  checkRise: setting(
    "checkRise",
    form.count(1, 100),
    "So many checks in a row must succeed until one that is down is up.",
    healthDefaults.rise,
  ),
  checkFall: setting(
    "checkFall",
    form.count(1, 100),
    "So many checks in a row must fail until one that is up is down.",
    healthDefaults.fall,
  ),
  checkAddress: setting(
    "checkAddress",
    form.text,
    "What is checked instead of an upstream: an address, :PORT of its own host, or none.",
    "none",
  ),
  checkProxyProtocol: setting(
    "checkProxyProtocol",
    form.words(checkHeaders),
    "PROXY headers before checks; auto: as relays send them, unless checks go to another address.",
    healthDefaults.proxyProtocol,
  ),
  checkUser: setting("checkUser", form.text, "Who checks redis or postgres."),
  checkPassword: setting(
    "checkPassword",
    form.text,
    "With what a redis check logs in, or file:PATH.",
  ),
  checkPath: setting("checkPath", form.text, "What an http check asks for.", "/"),
  checkHost: setting(
    "checkHost",
    form.text,
    "The Host of an http check; the address unless given.",
  ),
  checkStatus: setting(
    "checkStatus",
    form.text,
    "What an http check expects: 200, or 200-399.",
    "200-399",
  ),
  checkSend: setting(
    "checkSend",
    form.text,
    "What a send-expect check sends; \\r, \\n and \\xHH are bytes.",
  ),
  checkExpect: setting(
    "checkExpect",
    form.text,
    "What must come back: text, or /a regular expression/.",
  ),
  checkTls: setting("checkTls", form.onOff, "Whether checks are made by TLS.", false),
  checkTlsName: setting(
    "checkTlsName",
    form.text,
    "Whom the certificate has to be for; none: the host that is checked.",
    "none",
  ),
  checkTlsVerify: setting(
    "checkTlsVerify",
    form.onOff,
    "Whether the certificate has to be right.",
    true,
  ),
  checkTlsCa: setting(
    "checkTlsCa",
    form.text,
    "A file of authorities (PEM); none: those that are built in.",
    "none",
  ),
  checkTlsCert: setting(
    "checkTlsCert",
    form.text,
    "A file with the certificate that checks show (PEM), or none.",
    "none",
  ),
  checkTlsKey: setting("checkTlsKey", form.text, "A file with its key (PEM), or none.", "none"),
  checkTlsAlpn: setting(
    "checkTlsAlpn",
    form.text,
    "Protocols that are offered by ALPN, apart by commas, or none.",
    "none",
  ),
  ejectAfter: setting(
    "ejectAfter",
    form.count(0, 1_000),
    "So many dials in a row that fail keep new relays away for a while; 0 for never.",
    ejectionDefaults.failures,
  ),
  ejectTime: setting(
    "ejectTime",
    form.duration(),
    "For so long at first, up to ten times as long when that repeats; 100ms…1h.",
    formatDuration(ejectionDefaults.baseMs),
  ),
  panicThreshold: setting(
    "panicThreshold",
    form.count(0, 100),
    "With less than so many percent of the weight open, all upstreams are; 0 for never.",
    healthDefaults.panicPercent,
  ),
  slowStart: setting(
    "slowStart",
    form.duration("off", false),
    "An upstream that is up again gets its whole weight after this, 100ms…1h.",
    "off",
  ),
  onDown: setting(
    "onDown",
    form.text,
    "Relays of one that is down: keep, close or a time.",
    "keep",
  ),
  onUp: setting(
    "onUp",
    form.text,
    "Relays of backups when one that is none is up again: likewise; needs check.",
    "keep",
  ),
  onRemove: setting(
    "onRemove",
    form.text,
    "Relays of one that a reload takes away: likewise.",
    "keep",
  ),
};
