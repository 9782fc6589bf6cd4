/** Counters of ingest, per organisation and minute. */
import type { IngestMinute, TelemetryStore } from './contracts/telemetry.ts';
import { isoOf, type Queries } from './queries.ts';

export function createIngestMinutes({
  rows,
  count,
}: Queries): Pick<TelemetryStore, 'addMinutes' | 'minutes'> {
  return {
    async addMinutes(minutes) {
      if (minutes.length === 0) return;
      // Summed first, for a statement cannot touch one row twice; in id order, so that processes do not deadlock.
      await count(
        `INSERT INTO ingest_minutes (organization_id, at, messages, points, log_lines, dead_letters, duplicates,
                                     lag_ms_max, commit_ms_max)
         SELECT m.organization_id, date_trunc('minute', m.at), sum(m.messages), sum(m.points), sum(m.lines),
                sum(m.letters), sum(m.duplicates), max(m.lag), max(m.took)
         FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::bigint[], $8::bigint[], $9::bigint[])
           AS m (organization_id, at, messages, points, lines, letters, duplicates, lag, took)
         JOIN organizations o ON o.id = m.organization_id
         GROUP BY 1, 2 ORDER BY 1, 2
         ON CONFLICT (organization_id, at) DO UPDATE SET
           messages = ingest_minutes.messages + excluded.messages,
           points = ingest_minutes.points + excluded.points,
           log_lines = ingest_minutes.log_lines + excluded.log_lines,
           dead_letters = ingest_minutes.dead_letters + excluded.dead_letters,
           duplicates = ingest_minutes.duplicates + excluded.duplicates,
           lag_ms_max = greatest(ingest_minutes.lag_ms_max, excluded.lag_ms_max),
           commit_ms_max = greatest(ingest_minutes.commit_ms_max, excluded.commit_ms_max)`,
        [
          minutes.map(({ orgId }) => orgId),
          minutes.map(({ at }) => isoOf(at)),
          ...(['messages', 'points', 'logLines', 'deadLetters', 'duplicates'] as const).map((field) =>
            minutes.map((minute) => minute[field]),
          ),
          minutes.map(({ lagMsMax }) => wholeOf(lagMsMax)),
          minutes.map(({ commitMsMax }) => wholeOf(commitMsMax)),
        ],
      );
    },

    minutes: (orgIds, from, to) =>
      rows<Omit<IngestMinute, 'orgId'>>(
        `SELECT at, sum(messages)::float8 AS messages, sum(points)::float8 AS points,
                sum(log_lines)::float8 AS "logLines", sum(dead_letters)::float8 AS "deadLetters",
                sum(duplicates)::float8 AS duplicates, max(lag_ms_max)::float8 AS "lagMsMax",
                max(commit_ms_max)::float8 AS "commitMsMax"
         FROM ingest_minutes
         WHERE ($1::uuid[] IS NULL OR organization_id = ANY ($1)) AND at >= $2 AND at < $3
         GROUP BY at ORDER BY at`,
        [orgIds, from, to],
      ),
  };
}

const wholeOf = (ms: number | null): number | null => (ms === null ? null : Math.round(ms));
