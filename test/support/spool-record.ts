/** Records of every class that carry a number, for tests of what the outbox keeps. */
import type { RecordOf } from '../../agent/outbox/body.ts';

export const spoolRecord = (
  number: number,
  at: Date,
): RecordOf['events'] & RecordOf['logs'] & RecordOf['metrics'] => ({
  timestamp: at.toISOString(),
  kind: 'agent.started',
  log_level: 'info',
  service_name: 'spool',
  message: `number ${number}`,
  metric_type: 'spool',
  value: { number },
});

/** The number is in `message`, also of a measurement, where the contract does not look. */
export const numberOf = (record: object): number =>
  'message' in record ? Number(String(record.message).split(' ')[1]) : Number.NaN;
