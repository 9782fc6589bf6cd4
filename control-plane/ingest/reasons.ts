/** Why a record was refused, as a short code that is counted; the sentence beside it names the field. */

export const REJECTIONS = [
  /** The payload, or this record of it, is no JSON. */
  'not_json',
  /** What is around the records is not as the contract has it. */
  'envelope',
  /** A field is missing, of a wrong type or out of its bounds. */
  'record',
  /** A number that no double holds. */
  'number',
  /** U+0000 or half a character. */
  'text',
  'depth',
  'message_too_long',
  /** The organisation takes declared metric types only. */
  'unknown_metric',
  'undeclared_label',
  'too_many_series',
  /** The row would be deleted at once. */
  'older_than_retention',
  /** The database refused it. */
  'database',
] as const;
export type Rejection = (typeof REJECTIONS)[number];

/** A record that is not stored; its neighbours are. */
export interface Rejected {
  /** Place in the batch; -1 for the batch as a whole. */
  readonly index: number;
  readonly code: Rejection;
  /** Names the field. */
  readonly reason: string;
  /** The record, or its text where it is no JSON; becomes a sample where one is kept. */
  readonly value: unknown;
}

export type RejectionCounts = Record<Rejection, number>;
export const noRejections = (): RejectionCounts =>
  Object.fromEntries(REJECTIONS.map((code) => [code, 0])) as RejectionCounts;
