/** Certificates and authorities. */
import type { CertificateUseCases } from '#control-plane';
import type { CERTIFICATE_ROUTES } from '#web-api';
import type { Handlers, JsonRouteName } from '../call.ts';

export const certificateHandlers = (
  certificates: CertificateUseCases,
): Pick<Handlers, keyof typeof CERTIFICATE_ROUTES & JsonRouteName> => ({
  'certificates.list': ({ caller, query }) => certificates.list(caller, query),
  'certificates.summary': ({ caller, query }) => certificates.summary(caller, query),
  'certificates.revoke': ({ caller, params, body }) => certificates.revoke(caller, params.serial, body),
  'authorities.list': ({ caller }) => certificates.listAuthorities(caller),
  'authorities.rollover': ({ caller, body }) => certificates.rollover(caller, body),
  'authorities.retire': ({ caller, params, body }) => certificates.retire(caller, params.authority_id, body),
});
