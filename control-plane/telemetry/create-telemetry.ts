/** The telemetry use cases, put together. */
import type { Database } from '#db';
import type { Watch } from '../live/watch.ts';
import type { Logger } from '../log.ts';
import type { TelemetryUseCases } from '../telemetry-use-cases.ts';
import { readDashboard } from './dashboard.ts';
import { listDeadLetters } from './dead-letter-list.ts';
import { createExportSlots } from './export-slots.ts';
import { createLogs } from './logs.ts';
import { createMetricExport } from './metric-export.ts';
import { createMetricTypes } from './metric-types.ts';
import { createMetrics } from './metrics.ts';
import { permittedDevice } from './permitted-device.ts';
import { createRedactionTester } from './redaction-test.ts';
import { createSettings } from './settings.ts';

export interface TelemetryDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  readonly watch: Watch;
}

export function createTelemetryUseCases(deps: TelemetryDeps): TelemetryUseCases {
  const { database, now, watch } = deps;
  const exporting = { ...deps, slots: createExportSlots() };
  return {
    ...createMetrics(deps),
    ...createLogs(exporting),
    ...createSettings({ ...deps, testRedaction: createRedactionTester() }),
    ...createMetricTypes(deps),
    exportMetrics: createMetricExport(exporting),
    async mayWatch(person, deviceId) {
      await permittedDevice(database, person, 'log.read', deviceId);
    },
    async watch(person, deviceId, query, listener) {
      const device = await permittedDevice(database, person, 'log.read', deviceId);
      return watch.open(device, query, listener);
    },
    dashboard: (person, query) => readDashboard(database, person, query, now()),
    deadLetters: (person, query) => listDeadLetters(database, person, query),
  };
}
