/** Rows of an export as lines of its file. Pure. */
import type { MetricExportRow } from '#control-plane';
import type { LogView } from '#web-api';
import { type CsvValue, csvRow } from './csv.ts';

export type ExportFormat = 'csv' | 'ndjson';
/** How the rows of one export become text. */
export interface ExportText<T> {
  /** First line of a CSV file. */
  readonly header: readonly string[];
  /** Lines of one row. */
  readonly cells: (row: T) => readonly (readonly CsvValue[])[];
}

/** One line per field: a spreadsheet needs columns that do not depend on the device. */
export const METRIC_TEXT: ExportText<MetricExportRow> = {
  header: ['device_id', 'device_name', 'timestamp', 'received_at', 'metric_type', 'labels', 'field', 'value'],
  cells: (row) =>
    Object.entries(row.value).map(([field, value]) => [
      row.device_id,
      row.device_name,
      row.timestamp,
      row.received_at,
      row.metric_type,
      labelText(row.labels),
      field,
      cellOf(value),
    ]),
};

export const LOG_TEXT: ExportText<LogView> = {
  header: [
    'timestamp',
    'received_at',
    'device_id',
    'device_name',
    'log_level',
    'service_name',
    'message',
    'metadata',
  ],
  cells: (line) => [
    [
      line.timestamp,
      line.received_at,
      line.device_id,
      line.device_name,
      line.log_level,
      line.service_name,
      line.message,
      line.metadata === null ? null : JSON.stringify(line.metadata),
    ],
  ],
};

export const textOf = <T>(row: T, format: ExportFormat, { cells }: ExportText<T>): string =>
  format === 'csv' ? cells(row).map(csvRow).join('') : `${JSON.stringify(row)}\n`;

export const headerOf = <T>(format: ExportFormat, { header }: ExportText<T>): string =>
  format === 'csv' ? csvRow(header) : '';

/** The last line of a file that is not whole: no reader can take it for data that ended there. */
export const brokenOffText = (format: ExportFormat, code: string, requestId: string): string =>
  format === 'csv'
    ? `# incomplete: the export broke off (${code}, request ${requestId})\r\n`
    : `${JSON.stringify({ error: { code, instance: requestId } })}\n`;

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(';');

const cellOf = (value: unknown): CsvValue =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null
    ? value
    : JSON.stringify(value);
