/** `metrics.export` and `logs.export`. */
import type { ControlPlane } from '#control-plane';
import { LOG_TEXT, METRIC_TEXT } from './export-rows.ts';
import { sendExport } from './export-stream.ts';
import type { Log } from './log.ts';
import type { StreamHandler } from './register-routes.ts';

export interface ExportRouteDeps {
  readonly controlPlane: Pick<ControlPlane, 'telemetry'>;
  readonly log: Log;
  readonly secure: boolean;
}

export const metricsExportRoute =
  (deps: ExportRouteDeps): StreamHandler<'metrics.export'> =>
  async ({ caller, query, origin }, _request, reply) =>
    sendExport(reply, {
      ...deps,
      rows: await deps.controlPlane.telemetry.exportMetrics(caller, query),
      text: METRIC_TEXT,
      format: query.format ?? 'csv',
      fileName: `metrics-${fileTime(new Date())}`,
      requestId: origin.requestId,
    });

export const logsExportRoute =
  (deps: ExportRouteDeps): StreamHandler<'logs.export'> =>
  async ({ caller, query, origin }, _request, reply) =>
    sendExport(reply, {
      ...deps,
      rows: await deps.controlPlane.telemetry.exportLogs(caller, query),
      text: LOG_TEXT,
      format: query.format ?? 'csv',
      fileName: `logs-${fileTime(new Date())}`,
      requestId: origin.requestId,
    });

/** `20261123T060000Z`: no character that a file system refuses. */
const fileTime = (date: Date): string => date.toISOString().replace(/[-:]|\.\d+/g, '');
