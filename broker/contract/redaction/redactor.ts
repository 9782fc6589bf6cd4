/** Hides secrets in what devices send; the same on the device and before storage. Pure. */
import type { EventRecord, LogRecord, MetricRecord, RedactionSettings } from '#contract';
import { compileRules, findCustom } from './custom-rule.ts';
import { textOfBytes } from './encoded.ts';
import { type Hit, hideHits, settleHits } from './hits.ts';
import { redactJson } from './json.ts';
import { redactEvents, redactLogs, redactMetric } from './records.ts';
import { createScanner } from './scan.ts';
import { findOverLines } from './split-lines.ts';

export interface Redacted {
  readonly text: string;
  /** In order, without overlaps, in the given text. */
  readonly hits: readonly Hit[];
}

export interface Redactor {
  readonly text: (text: string) => Redacted;
  /**
   * Message, service and metadata with its keys; also what is split over consecutive records of one service. A record
   * without hits is the same object. No field grows beyond its limit.
   */
  readonly records: <T extends LogRecord>(records: readonly T[]) => T[];
  readonly events: <T extends EventRecord>(records: readonly T[]) => T[];
  readonly metric: <T extends MetricRecord>(record: T) => T;
  /** Strings and keys at any depth, and whatever stands behind the name of a secret. */
  readonly json: (value: unknown) => unknown;
  /** For samples of what could not be read. Cut afterwards, not before: half a secret is not recognised. */
  readonly bytes: (sample: Uint8Array) => Uint8Array;
}

/** Costs about a millisecond: keep one for as long as the settings hold. @throws RedactionRuleError */
export function createRedactor(settings: RedactionSettings): Redactor {
  const scan = createScanner(new Set(settings.disabled_builtin));
  const custom = compileRules(settings.rules);
  const find = (text: string): readonly Hit[] => {
    const { hits, hasMarkers } = scan(text);
    const isSplit = text.includes('\n');
    if (hits.length === 0 && custom.length === 0 && !isSplit) return hits;
    const found = [...hits];
    findCustom(custom, text, found);
    if (isSplit) findOverLines(text, found, scan);
    return found.length === 0 ? found : settleHits(text, found, hasMarkers);
  };
  const hide = (text: string): string => hideHits(text, find(text));
  const means = { find, scan, secretKeys: !settings.disabled_builtin.includes('secret-value') };
  return {
    text(text) {
      const hits = find(text);
      return { text: hideHits(text, hits), hits };
    },
    records: (records) => redactLogs(records, means),
    events: (records) => redactEvents(records, means),
    metric: (record) => redactMetric(record, means),
    json: (value) => redactJson(value, means),
    bytes: (sample) => redactBytes(sample, hide),
  };
}

/** Byte by byte as Latin-1, so that all other bytes stay what they were, text or not. */
function redactBytes(sample: Uint8Array, hide: (text: string) => string): Uint8Array {
  const text = textOfBytes(sample);
  const hidden = hide(text);
  return hidden === text ? sample : Uint8Array.from(hidden, (char) => char.charCodeAt(0));
}
