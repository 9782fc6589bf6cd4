/** Measurements, logs, dashboard, dead letters and settings as people see them; batches of one device. */
import type { DeviceUseCases, TelemetryUseCases } from '#control-plane';
import type { TELEMETRY_ROUTES } from '#web-api';
import type { Handlers, JsonRouteName } from '../call.ts';

export const telemetryHandlers = (
  telemetry: TelemetryUseCases,
  device: DeviceUseCases,
): Pick<Handlers, keyof typeof TELEMETRY_ROUTES & JsonRouteName> => ({
  'metrics.device': ({ caller, params, query }) => telemetry.deviceMetrics(caller, params.device_id, query),
  'metrics.catalogue': ({ caller, params }) => telemetry.catalogue(caller, params.device_id),
  'metrics.query': ({ caller, query }) => telemetry.queryMetrics(caller, query),
  'logs.device': ({ caller, params, query }) => telemetry.deviceLogs(caller, params.device_id, query),
  'logs.services': ({ caller, params }) => telemetry.logServices(caller, params.device_id),
  'logs.search': ({ caller, query }) => telemetry.searchLogs(caller, query),
  'dashboard.get': ({ caller, query }) => telemetry.dashboard(caller, query),
  'dead_letters.list': ({ caller, query }) => telemetry.deadLetters(caller, query),
  'telemetry.settings': ({ caller, params }) => telemetry.settings(caller, params.organization_id),
  'telemetry.update': ({ caller, params, body }) =>
    telemetry.updateSettings(caller, params.organization_id, body),
  'redaction.test': ({ caller, params, body }) =>
    telemetry.testRedaction(caller, params.organization_id, body),
  'metric_types.list': ({ caller, params }) => telemetry.metricTypes(caller, params.organization_id),
  'metric_types.put': ({ caller, params, body }) =>
    telemetry.putMetricType(caller, params.organization_id, params.name, body),
  'metric_types.delete': ({ caller, params }) =>
    telemetry.deleteMetricType(caller, params.organization_id, params.name),
  'device.metrics': ({ caller, body }) => device.metrics(caller, body),
  'device.logs': ({ caller, body }) => device.logs(caller, body),
  'device.events': ({ caller, body }) => device.events(caller, body),
  'device.telemetry': ({ caller }) => device.telemetry(caller),
});
