/** Ordinary tables that would grow without end: what is old in them is deleted. */
import type { ClientBase } from 'pg';

const DAY_MS = 86_400_000;
const DEAD_LETTER_DAYS = 14;
/** However fast they come: newest kept. */
const MAX_DEAD_LETTERS = 100_000;
/** A device that sends a batch of a numbering this old would store it twice; no outbox keeps records for so long. */
const CURSOR_DAYS = 180;
/** A quarter of ingest health. */
const MINUTE_DAYS = 90;
/** As long as log lines are kept at most. */
const SERVICE_DAYS = 90;

const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS);

export async function purge(client: ClientBase, now: Date): Promise<void> {
  await client.query('DELETE FROM dead_letters WHERE received_at < $1', [daysBefore(now, DEAD_LETTER_DAYS)]);
  await client.query(
    `DELETE FROM dead_letters WHERE id <= (SELECT id FROM dead_letters ORDER BY id DESC OFFSET ${MAX_DEAD_LETTERS} LIMIT 1)`,
  );
  await client.query('DELETE FROM ingest_minutes WHERE at < $1', [daysBefore(now, MINUTE_DAYS)]);
  await client.query('DELETE FROM device_log_services WHERE last_at < $1', [daysBefore(now, SERVICE_DAYS)]);
  await client.query('DELETE FROM ingest_cursors WHERE updated_at < $1', [daysBefore(now, CURSOR_DAYS)]);
}
