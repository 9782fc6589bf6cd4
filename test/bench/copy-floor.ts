/** What storing the same rows costs at the least: psql's `\copy` into an empty table of the same make. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSecondsOf, endedChildrenSeconds } from '../support/process-tree.ts';

const COLUMNS =
  'device_id, organization_id, "timestamp", received_at, metric_type, metric_value, labels, metadata';

export interface CopyFloor {
  readonly rows: number;
  readonly seconds: number;
  /** CPU of PostgreSQL and of psql, per row. */
  readonly serverMicros: number;
  readonly clientMicros: number;
}

/** `from`: database with the rows; `into`: a migrated one without any. Both on the server of `postmasterPid`. */
export function measureCopy(options: {
  from: string;
  into: string;
  dir: string;
  postmasterPid: number;
  maxRows: number;
}): CopyFloor {
  const file = join(options.dir, 'rows.copy');
  try {
    psql(
      options.from,
      `\\copy (SELECT ${COLUMNS} FROM device_metrics LIMIT ${options.maxRows}) TO '${file}'`,
    );
    const server = cpuSecondsOf(options.postmasterPid);
    const client = endedChildrenSeconds();
    const startedAt = performance.now();
    const output = psql(options.into, `\\copy device_metrics (${COLUMNS}) FROM '${file}'`);
    const rows = Number(/COPY (\d+)/.exec(output)?.[1] ?? 0);
    if (rows === 0) throw new Error(`nothing was copied: ${output}`);
    return {
      rows,
      seconds: (performance.now() - startedAt) / 1000,
      serverMicros: ((cpuSecondsOf(options.postmasterPid) - server) / rows) * 1e6,
      clientMicros: ((endedChildrenSeconds() - client) / rows) * 1e6,
    };
  } finally {
    rmSync(file, { force: true });
  }
}

function psql(url: string, command: string): string {
  const { status, stdout, stderr, error } = spawnSync('psql', ['-X', '-d', url, '-c', command], {
    encoding: 'utf8',
  });
  if (error !== undefined)
    throw new Error(`psql (Debian: postgresql-client) cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`psql: ${stderr}`);
  return stdout;
}
