/** A batch of measurements, log lines or events over HTTPS: the decoder and the ingest of the MQTT channels. */
import type { Stream } from '#contract';
import type { BatchReply } from '#web-api';
import { AppError } from '../errors.ts';
import { decodeContent } from '../ingest/decode-batch.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { Rejected } from '../ingest/reasons.ts';
import type { DeviceCaller } from '../use-cases.ts';

/** Errors named in an answer; all are counted in it. */
const MAX_ERRORS = 100;
/** JSON of one record, about; the body was measured before, when it was still text. */
const BYTES_PER_RECORD = 512;

export type BatchVerb = (
  device: DeviceCaller,
  stream: Stream,
  fields: Readonly<Record<string, unknown>>,
  records: readonly unknown[],
) => Promise<BatchReply>;

/**
 * @throws AppError 'ingest.gap', 'device.not_found' where it was deleted since it authenticated, 'auth.forbidden' for a
 * disabled one, 'request.invalid' for an unnumbered batch without one good record.
 */
export function createBatchVerb(deps: { ingest: Pick<Ingest, 'submit'>; now: () => Date }): BatchVerb {
  return async (device, stream, fields, records) => {
    const decoded = decodeContent(stream, fields, records, stream, false);
    if (!decoded.ok) throw new AppError('request.invalid', { detail: decoded.reason });
    const { content } = decoded;
    const outcome = await deps.ingest.submit({
      kind: 'batch',
      address: { org: device.orgSlug, device: device.deviceId },
      receivedAt: deps.now(),
      content,
      bytes: records.length * BYTES_PER_RECORD,
    });
    const cursor = outcome.ack?.seq ?? null;
    switch (outcome.kind) {
      case 'unknown_device':
        throw new AppError('device.not_found');
      case 'disabled':
        throw new AppError('auth.forbidden', { detail: 'This device is disabled' });
      case 'gap':
        throw new AppError('ingest.gap', { detail: `Batch ${cursor} is the last one committed` });
      default:
        return replyOf(outcome.prepared?.rejected ?? [], outcome.prepared, cursor, content.batch !== null);
    }
  };
}

function replyOf(
  rejected: readonly Rejected[],
  stored: { readonly metrics: readonly unknown[]; readonly logs: readonly unknown[] } | null,
  seq: number | null,
  isNumbered: boolean,
): BatchReply {
  const accepted = stored === null ? 0 : stored.metrics.length + stored.logs.length;
  const errors = rejected.slice(0, MAX_ERRORS).map(({ index, reason }) => ({ index, reason }));
  const [first] = rejected;
  if (accepted === 0 && first !== undefined && !isNumbered) {
    const named = rejected.slice(0, MAX_ERRORS).map(({ reason }) => {
      const colon = reason.indexOf(':');
      return { path: reason.slice(0, Math.max(0, colon)), message: reason.slice(colon + 1).trim() };
    });
    throw new AppError('request.invalid', { detail: first.reason, errors: named });
  }
  return { accepted, rejected: rejected.length, errors, seq };
}
