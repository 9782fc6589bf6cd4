/** Why a request to the outside was refused or failed. */

export const OUTBOUND_CODES = [
  'url_invalid',
  'scheme_refused',
  'port_refused',
  'host_refused',
  'address_refused',
  'unknown_host',
  'too_many_redirects',
  'redirect_refused',
  'timeout',
  'too_large',
  'unreachable',
] as const;
export type OutboundCode = (typeof OUTBOUND_CODES)[number];

/** `message` names neither query nor path of the address: these may hold secrets. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly code: OutboundCode;

  constructor(code: OutboundCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
