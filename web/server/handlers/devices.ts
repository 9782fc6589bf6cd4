/** Devices: the admins' side, and what one device says for itself. */
import type { DeviceUseCases, EnrollmentUseCases, FleetUseCases } from '#control-plane';
import type { DEVICE_ROUTES } from '#web-api';
import type { Handlers, JsonRouteName } from '../call.ts';

export const deviceHandlers = (
  fleet: FleetUseCases,
  device: DeviceUseCases,
  enrollment: EnrollmentUseCases,
): Pick<Handlers, keyof typeof DEVICE_ROUTES & JsonRouteName> => ({
  'devices.list': ({ caller, query }) => fleet.list(caller, query),
  'devices.summary': ({ caller, query }) => fleet.summary(caller, query),
  'devices.import': ({ caller, body }) => fleet.import(caller, body),
  'devices.get': ({ caller, params }) => fleet.get(caller, params.device_id),
  'devices.update': ({ caller, params, body }) => fleet.update(caller, params.device_id, body),
  'devices.delete': ({ caller, params }) => fleet.delete(caller, params.device_id),
  'devices.revoke': ({ caller, params, body }) => fleet.revoke(caller, params.device_id, body),
  'devices.presence': ({ caller, params, query }) => fleet.presence(caller, params.device_id, query),
  'device.register': ({ body, origin }) => enrollment.register(body, origin),
  'device.heartbeat': ({ caller, body }) => device.heartbeat(caller, body),
  'device.config': ({ caller }) => device.config(caller),
  'device.renew': ({ caller, body }) => device.renew(caller, body.csr),
  'device.token': ({ caller }) => device.issueToken(caller),
});
