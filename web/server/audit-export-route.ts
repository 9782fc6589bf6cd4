/** `audit.export`. */
import type { AuditExportRow, ControlPlane } from '#control-plane';
import type { CsvValue } from './csv.ts';
import type { ExportText } from './export-rows.ts';
import { sendExport } from './export-stream.ts';
import type { Log } from './log.ts';
import type { StreamHandler } from './register-routes.ts';

const COLUMNS = [
  'at',
  'organization_id',
  'actor',
  'actor_kind',
  'actor_id',
  'ip_address',
  'user_agent',
  'request_id',
  'action',
  'object',
  'outcome',
  'error_code',
  'repeats',
  'before',
  'after',
  'detail',
  'chain_position',
  'previous_hash',
  'hash',
  'id',
] as const;

export const AUDIT_TEXT: ExportText<AuditExportRow> = {
  header: COLUMNS,
  cells: (row) => [COLUMNS.map((name) => cellOf(row[name]))],
};

const cellOf = (value: unknown): CsvValue =>
  typeof value === 'string' || typeof value === 'number' || value === null ? value : JSON.stringify(value);

export const auditExportRoute =
  (deps: {
    readonly controlPlane: Pick<ControlPlane, 'audit'>;
    readonly log: Log;
    readonly secure: boolean;
  }): StreamHandler<'audit.export'> =>
  async ({ caller, query, origin }, _request, reply) =>
    sendExport(reply, {
      ...deps,
      rows: await deps.controlPlane.audit.export(caller, query),
      text: AUDIT_TEXT,
      format: query.format ?? 'csv',
      fileName: `audit-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`,
      requestId: origin.requestId,
    });
