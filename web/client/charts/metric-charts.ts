/** Which charts a device's catalogue makes: known metrics in a fixed order, then its own. Pure. */
import { METRIC_CATALOGUE } from '#contract';
import type { CatalogueEntry } from '#web-api';

export interface ChartSpec {
  /** Names the chart in the page. */
  readonly key: string;
  readonly title: string;
  readonly metricType: string;
  /** Fields that are drawn; null = every field of this unit. */
  readonly fields: readonly string[] | null;
  readonly unit: string | null;
  /** Of the device's own making. */
  readonly isCustom: boolean;
}

const known = (
  metricType: string,
  title: string,
  fields: readonly string[] | null,
  unit: string,
): ChartSpec => ({ key: `${metricType}/${title}`, title, metricType, fields, unit, isCustom: false });

/** Charts of what every agent measures, in the order of the page. */
const KNOWN_CHARTS: readonly ChartSpec[] = [
  known('cpu', 'CPU', ['percent'], 'percent'),
  known('cpu_core', 'CPU cores', null, 'percent'),
  known('cpu', 'Load average', ['load1'], 'count'),
  known('memory', 'Memory', ['percent'], 'percent'),
  known('memory', 'Memory in use', ['used_bytes', 'swap_used_bytes', 'total_bytes'], 'bytes'),
  known('disk', 'Disk', ['percent'], 'percent'),
  known('disk', 'Disk in use', ['used_bytes'], 'bytes'),
  known('network', 'Network', ['received_bytes_per_second', 'sent_bytes_per_second'], 'bytes/s'),
  known('gpu', 'GPU', ['utilization'], 'percent'),
  known('gpu', 'GPU memory', ['memory_used'], 'MiB'),
  known('gpu', 'GPU temperature', ['temperature'], 'celsius'),
  known('gpu', 'GPU power', ['power'], 'watts'),
  known('process', 'CPU by service', ['cpu_percent'], 'percent'),
  known('process', 'Memory by service', ['memory_bytes'], 'bytes'),
  known('process', 'Restarts', ['restarts'], 'count'),
];

/** Types whose charts are asked for only on demand: a line for each core. */
export const CORES_TYPE = 'cpu_core';

export function chartsOf(catalogue: readonly CatalogueEntry[], showsCores: boolean): readonly ChartSpec[] {
  const standard = KNOWN_CHARTS.filter(
    (chart) =>
      (chart.metricType !== CORES_TYPE || showsCores) &&
      catalogue.some((entry) => entry.metric_type === chart.metricType && hasField(entry, chart.fields)),
  );
  const own = new Map<string, ChartSpec>();
  for (const entry of catalogue) {
    if (Object.hasOwn(METRIC_CATALOGUE, entry.metric_type)) continue;
    for (const field of entry.fields) {
      const key = `${entry.metric_type}/${field.unit ?? ''}`;
      const fields = [...new Set([...(own.get(key)?.fields ?? []), field.name])];
      own.set(key, {
        key,
        title:
          field.unit === null || field.unit === 'count'
            ? entry.metric_type
            : `${entry.metric_type} (${field.unit})`,
        metricType: entry.metric_type,
        fields,
        unit: field.unit,
        isCustom: true,
      });
    }
  }
  return [...standard, ...[...own.values()].sort((a, b) => a.key.localeCompare(b.key))];
}

/** Number fields only reach the catalogue, so any field will do where none is named. */
const hasField = (entry: CatalogueEntry, fields: readonly string[] | null): boolean =>
  fields === null ? entry.fields.length > 0 : entry.fields.some(({ name }) => fields.includes(name));

const FIELD_WORDS: Readonly<Record<string, string>> = {
  percent: '',
  used_bytes: 'used',
  swap_used_bytes: 'swap used',
  total_bytes: 'installed',
  received_bytes_per_second: 'received',
  sent_bytes_per_second: 'sent',
  load1: 'one minute',
  cpu_percent: '',
  memory_bytes: '',
};

/** `/var`, `eth0 received`, `core 3`: what tells a line from the others of its chart. */
export function lineName(chart: ChartSpec, field: string, labels: Readonly<Record<string, string>>): string {
  if (chart.metricType === CORES_TYPE) return `core ${field}`;
  const place = Object.entries(labels)
    .map(([name, value]) => (name === 'gpu' ? `GPU ${value}` : value))
    .join(' ');
  const isOnlyField = chart.fields?.length === 1;
  const word = isOnlyField ? '' : (FIELD_WORDS[field] ?? field.replaceAll('_', ' '));
  const name = [place, word].filter((part) => part !== '').join(' ');
  return name === '' ? chart.title : name;
}
