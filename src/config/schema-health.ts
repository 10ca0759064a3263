import * as v from "valibot";
import { ejectionDefaults } from "../upstream/health/check-options.ts";
import * as form from "./forms.ts";
import { checks, type HealthValues, healthDefaults, healthRules } from "./health.ts";
import { formatDuration } from "./quantity.ts";
import type { Rule } from "./rule.ts";
import { value } from "./schema-value.ts";

/** What is said of upstreams' health. */
export const healthSettings = {
  check: v.optional(
    value(healthRules.check, form.words(checks), "How upstreams are checked.", "none"),
  ),
  checkInterval: v.optional(
    value(
      healthRules.checkInterval,
      form.duration(),
      "Between two checks of an upstream, 100ms…1h; four times faster while it is changing.",
      formatDuration(healthDefaults.intervalMs),
    ),
  ),
  checkTimeout: v.optional(
    value(
      healthRules.checkTimeout,
      form.duration(),
      "A check has failed after this, 10ms…1h.",
      formatDuration(healthDefaults.timeoutMs),
    ),
  ),
  checkRise: v.optional(
    value(
      healthRules.checkRise,
      form.count(1, 100),
      "So many checks in a row must succeed until one that is down is up.",
      healthDefaults.rise,
    ),
  ),
  checkFall: v.optional(
    value(
      healthRules.checkFall,
      form.count(1, 100),
      "So many checks in a row must fail until one that is up is down.",
      healthDefaults.fall,
    ),
  ),
  checkAddress: text("checkAddress", "Another address to check, or none.", "none"),
  checkUser: text("checkUser", "Who checks redis or postgres."),
  checkPassword: text("checkPassword", "With what a redis check logs in."),
  checkPath: text("checkPath", "What an http check asks for.", "/"),
  checkHost: text("checkHost", "The Host of an http check; the address unless given."),
  checkStatus: text("checkStatus", "What an http check expects: 200, or 200-399.", "200-399"),
  checkSend: text("checkSend", "What a send-expect check sends; \\r, \\n and \\xHH are bytes."),
  checkExpect: text("checkExpect", "What must come back: text, or /a regular expression/."),
  ejectAfter: v.optional(
    value(
      healthRules.ejectAfter,
      form.count(0, 1_000),
      "So many dials in a row that fail keep new relays away for a while; 0 for never.",
      ejectionDefaults.failures,
    ),
  ),
  ejectTime: v.optional(
    value(
      healthRules.ejectTime,
      form.duration(),
      "For so long at first, up to ten times as long when that repeats; 100ms…1h.",
      formatDuration(ejectionDefaults.baseMs),
    ),
  ),
  panicThreshold: v.optional(
    value(
      healthRules.panicThreshold,
      form.count(0, 100),
      "With less than so many percent of the weight open, all upstreams are; 0 for never.",
      healthDefaults.panicPercent,
    ),
  ),
  slowStart: v.optional(
    value(
      healthRules.slowStart,
      form.duration("off", false),
      "An upstream that is up again gets its whole weight after this, 100ms…1h.",
      "off",
    ),
  ),
  onDown: text("onDown", "Relays of one that is down: keep, close or a time.", "keep"),
  onRemove: text("onRemove", "Relays of one that a reload takes away: likewise.", "keep"),
};

function text<K extends keyof HealthValues>(key: K, description: string, initial?: string) {
  const rule = healthRules[key] as Rule<HealthValues[K]>;
  return v.optional(value(rule, form.text, description, initial));
}
