/** All stores on one connection or pool. */
import type { Dialect } from '../timeseries/dialect.ts';
import { createAuditStore } from './audit.ts';
import { createCertificateStore } from './certificates.ts';
import type { Stores } from './contracts/database.ts';
import { createDeviceStore } from './devices.ts';
import { createIntegratorStore } from './integrators.ts';
import { createLogStore } from './logs.ts';
import { createMetricTypeStore } from './metric-types.ts';
import { createOrganizationStore } from './organizations.ts';
import { createPresenceStore } from './presence.ts';
import type { Queries } from './queries.ts';
import { createRefusalStore } from './refusals.ts';
import { createSeriesStore } from './series.ts';
import { createSessionStore } from './sessions.ts';
import { toStoreError, withStoreErrors } from './store-error.ts';
import { createTelemetryStore } from './telemetry.ts';
import { createTelemetrySettingsStore } from './telemetry-settings.ts';
import { createTokenStore } from './tokens.ts';
import { createUserStore } from './users.ts';

/** PostgreSQL's own limit is below 8,000 bytes. */
export const MAX_NOTIFY_BYTES = 7900;

export function createStores(queries: Queries, dialect: Dialect): Stores {
  return {
    organizations: withStoreErrors(createOrganizationStore(queries)),
    users: withStoreErrors(createUserStore(queries)),
    sessions: withStoreErrors(createSessionStore(queries)),
    devices: withStoreErrors(createDeviceStore(queries)),
    presence: withStoreErrors(createPresenceStore(queries)),
    telemetry: withStoreErrors(createTelemetryStore(queries)),
    series: withStoreErrors(createSeriesStore(queries, dialect)),
    logs: withStoreErrors(createLogStore(queries)),
    telemetrySettings: withStoreErrors(createTelemetrySettingsStore(queries)),
    metricTypes: withStoreErrors(createMetricTypeStore(queries)),
    tokens: withStoreErrors(createTokenStore(queries)),
    certificates: withStoreErrors(createCertificateStore(queries)),
    integrators: withStoreErrors(createIntegratorStore(queries)),
    audit: withStoreErrors(createAuditStore(queries)),
    refusals: withStoreErrors(createRefusalStore(queries)),

    async notify(channel, payload) {
      const text = JSON.stringify(payload);
      if (Buffer.byteLength(text) > MAX_NOTIFY_BYTES) {
        throw new RangeError(
          `a notification holds at most ${MAX_NOTIFY_BYTES} bytes; send ids and let the listener read`,
        );
      }
      try {
        await queries.count('SELECT pg_notify($1, $2)', [channel, text]);
      } catch (error) {
        throw toStoreError(error);
      }
    },
  };
}
