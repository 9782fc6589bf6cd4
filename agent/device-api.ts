/** The device's verbs over HTTPS (SD-E1, E6 and what renews its proofs), each reply decoded by the HTTP contract. */
import type { Static, TSchema } from 'typebox';
import { decodeValue, type Heartbeat } from '#contract';
import {
  HeartbeatReply,
  Problem,
  type RegisterBody,
  RegisterReply,
  RenewReply,
  ROUTES,
  TokenReply,
} from '#web-api';
import { HttpsError, type HttpsReply, sendJson } from './https.ts';
import type { Pair } from './identity.ts';

/** The server answered, but not with success. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  /** Stable code of the problem+json body; empty where there is none. */
  readonly code: string;
  readonly retryAfterMs: number;

  constructor(reply: HttpsReply) {
    const problem = decodeValue(Problem, reply.body);
    super(
      problem.ok
        ? `${problem.value.detail ?? problem.value.title} (${problem.value.code})`
        : `the server answered ${reply.status}`,
    );
    this.status = reply.status;
    this.code = problem.ok ? problem.value.code : '';
    this.retryAfterMs = reply.retryAfterMs;
  }
}

export interface DeviceApi {
  /** All methods: @throws ApiError, HttpsError */
  register(body: RegisterBody): Promise<RegisterReply>;
  heartbeat(deviceId: string, token: string, beat: Heartbeat): Promise<HeartbeatReply>;
  renew(deviceId: string, token: string, csr: string): Promise<Static<typeof RenewReply>>;
  /** By client certificate. */
  issueToken(deviceId: string, pair: Pair): Promise<Static<typeof TokenReply>>;
}

/** `ca`: PEM bundle to trust, asked for each call; undefined = the system's store. */
export function createDeviceApi(cloudUrl: string, ca: () => string | undefined): DeviceApi {
  const call = async <S extends TSchema>(
    path: string,
    schema: S,
    request: { body?: unknown; token?: string; pair?: Pair },
  ): Promise<Static<S>> => {
    const reply = await sendJson({ method: 'POST', url: new URL(path, cloudUrl), ca: ca(), ...request });
    if (reply.status < 200 || reply.status > 299) throw new ApiError(reply);
    const decoded = decodeValue(schema, reply.body);
    if (!decoded.ok) throw new HttpsError(new Error(`the server’s reply cannot be read: ${decoded.reason}`));
    return decoded.value;
  };
  const pathOf = (route: 'device.heartbeat' | 'device.renew' | 'device.token', deviceId: string): string =>
    ROUTES[route].path.replace(':device_id', deviceId);

  return {
    register: (body) => call(ROUTES['device.register'].path, RegisterReply, { body }),
    heartbeat: (deviceId, token, beat) =>
      call(pathOf('device.heartbeat', deviceId), HeartbeatReply, { body: beat, token }),
    renew: (deviceId, token, csr) =>
      call(pathOf('device.renew', deviceId), RenewReply, { body: { csr }, token }),
    issueToken: (deviceId, pair) => call(pathOf('device.token', deviceId), TokenReply, { pair }),
  };
}
