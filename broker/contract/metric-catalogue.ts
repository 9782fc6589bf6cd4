/** The metrics that every agent knows: fields, units and labels, for charts, export and checks. */

export const METRIC_KINDS = ['gauge', 'counter'] as const;
export type MetricKind = (typeof METRIC_KINDS)[number];

/** `counter` only rises, so that its rate is of interest. */
export interface MetricField {
  readonly unit: string;
  readonly kind: MetricKind;
  readonly doc: string;
}
export interface KnownMetric {
  readonly doc: string;
  readonly labels: readonly string[];
  /** `*` stands for every other field. */
  readonly fields: Readonly<Record<string, MetricField>>;
}

const gauge = (unit: string, doc: string): MetricField => ({ unit, kind: 'gauge', doc });
const counter = (unit: string, doc: string): MetricField => ({ unit, kind: 'counter', doc });

export const METRIC_CATALOGUE: Readonly<Record<string, KnownMetric>> = {
  cpu: {
    doc: 'All cores together',
    labels: [],
    fields: {
      percent: gauge('percent', 'Busy share of all cores'),
      cores: gauge('count', 'Cores'),
      load1: gauge('count', 'Load average of one minute'),
    },
  },
  cpu_core: {
    doc: 'Each core by itself: field = its number; more than 64 cores come in several records',
    labels: ['from'],
    fields: { '*': gauge('percent', 'Busy share of this core') },
  },
  memory: {
    doc: 'Main memory and swap',
    labels: [],
    fields: {
      percent: gauge('percent', 'Used share, without what can be reclaimed'),
      used_bytes: gauge('bytes', 'Used'),
      total_bytes: gauge('bytes', 'Installed'),
      swap_used_bytes: gauge('bytes', 'Swap in use'),
    },
  },
  disk: {
    doc: 'One file system',
    labels: ['mount'],
    fields: {
      percent: gauge('percent', 'Used share'),
      used_bytes: gauge('bytes', 'Used'),
      total_bytes: gauge('bytes', 'Size'),
      inodes_percent: gauge('percent', 'Used share of the inodes'),
    },
  },
  network: {
    doc: 'One interface',
    labels: ['interface'],
    fields: {
      received_bytes_per_second: gauge('bytes/s', 'Received'),
      sent_bytes_per_second: gauge('bytes/s', 'Sent'),
      errors: counter('count', 'Errors and drops of both directions'),
    },
  },
  gpu: {
    doc: 'One GPU',
    labels: ['gpu', 'name'],
    fields: {
      utilization: gauge('percent', 'Busy share'),
      memory_used: gauge('MiB', 'Memory in use'),
      memory_total: gauge('MiB', 'Memory installed'),
      temperature: gauge('celsius', 'Core temperature'),
      power: gauge('watts', 'Power drawn'),
    },
  },
  process: {
    doc: 'One service or watched process',
    labels: ['service'],
    fields: {
      restarts: counter('count', 'Restarts since the service was first seen'),
      running: gauge('count', '1 while it runs, else 0'),
      cpu_percent: gauge('percent', 'Of one core'),
      memory_bytes: gauge('bytes', 'Resident memory'),
    },
  },
  agent: {
    doc: 'The agent’s own count of custom metrics: series in use, and what it refused by reason',
    labels: [],
    fields: {
      custom_series: gauge('count', 'Custom series in use'),
      '*': counter('count', 'Refused for this reason'),
    },
  },
};
