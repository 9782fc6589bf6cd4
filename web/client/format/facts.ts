/** Facts and metric values of a device in a person's words. Pure. */
import { bytes, percent } from './quantity.ts';

const LABELS: Readonly<Record<string, string>> = {
  hostname: 'Host name',
  os: 'Operating system',
  kernel: 'Kernel',
  arch: 'Architecture',
  cpu_model: 'Processor',
  cpu_cores: 'Cores',
  memory_bytes: 'Memory',
  disk_bytes: 'Disk',
  gpu_model: 'GPU',
  ip_addresses: 'Addresses',
  timezone: 'Time zone',
  model: 'Model',
  serial_number: 'Serial number',
};

export const factLabel = (key: string): string =>
  LABELS[key] ?? key.replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase());

export function factValue(key: string, value: unknown): string {
  if (typeof value === 'number') return /(^|_)bytes$/.test(key) ? bytes(value) : value.toLocaleString();
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (Array.isArray(value)) return value.map(String).join(', ');
  return value === null || value === undefined
    ? '–'
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
}

/** `45.2 % · cores 8 · used 2.0 GiB`: one line of a metric's flat fields; their units come from their names. */
export function metricLine(value: Readonly<Record<string, unknown>>): string {
  return Object.entries(value)
    .map(([key, field]) => metricField(key, field))
    .join(' · ');
}

function metricField(key: string, field: unknown): string {
  const name = key.replace(/(^|_)(bytes|percent)$/, '').replaceAll('_', ' ');
  const said = (text: string): string => (name === '' ? text : `${name} ${text}`);
  if (typeof field !== 'number') return said(factValue(key, field));
  if (/(^|_)bytes$/.test(key)) return said(bytes(field));
  if (/(^|_)percent$/.test(key)) return said(percent(field));
  return said(Number.isInteger(field) ? field.toLocaleString() : field.toFixed(1));
}
