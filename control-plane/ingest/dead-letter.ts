/** A dead letter from what could not be stored: its reason, and the beginning of it without its secrets. Pure. */
import type { Redactor } from '#contract/redaction';
import type { DeadLetter } from '#db';
import { type IngestMessage, SAMPLE_BYTES } from './message.ts';

const MAX_REASON = 500;
/** A record whose text is longer is cut before it is looked through: more than a sample could ever show. */
const MAX_LOOKED_THROUGH = 64 * 1024;

export function deadLetterOf(
  message: IngestMessage,
  channel: string,
  reason: string,
  value: unknown,
  redactor: Redactor,
): DeadLetter {
  const { org, device } = message.address;
  return {
    orgSlug: org,
    device,
    channel,
    topic: `${org}/${device}`,
    reason: redactedText(reason, redactor).slice(0, MAX_REASON),
    sample: sampleOf(value, redactor),
    receivedAt: message.receivedAt,
  };
}

/** Of a record, its text where it is no JSON, or a whole payload. */
export function sampleOf(value: unknown, redactor: Redactor): Uint8Array {
  try {
    if (value instanceof Uint8Array) {
      return redactor.bytes(value.subarray(0, MAX_LOOKED_THROUGH)).subarray(0, SAMPLE_BYTES);
    }
    const text =
      typeof value === 'string'
        ? redactor.text(value.slice(0, MAX_LOOKED_THROUGH)).text
        : (JSON.stringify(redactor.json(value)) ?? '');
    return Buffer.from(text.slice(0, SAMPLE_BYTES)).subarray(0, SAMPLE_BYTES);
  } catch {
    // Nested too deep to be walked through; nothing of it is better than a secret.
    return Buffer.from('(cannot be shown)');
  }
}

function redactedText(text: string, redactor: Redactor): string {
  try {
    return redactor.text(text.slice(0, 2 * MAX_REASON)).text;
  } catch {
    return 'cannot be shown';
  }
}
