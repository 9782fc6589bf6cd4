/** What the server sends over Server-Sent Events; `event:` is the kind, `data:` this object. */
import { type Static, Type } from 'typebox';
import { APPROVAL_STATES } from './approvals.ts';
import { DEVICE_STATUSES, OBSERVATIONS } from './devices.ts';
import { Timestamp, Uuid } from './page.ts';

/** `device.changed`: status or any shown field; `device.created`, `device.deleted`; `devices.seen`: beats of one ingest batch; `access.changed`: what somebody may see of the organisation. */
export const LiveEvent = Type.Union([
  Type.Object({
    kind: Type.Literal('device.changed'),
    organization_id: Uuid(),
    device_id: Uuid(),
    at: Timestamp(),
    status: Type.Optional(Type.Enum([...DEVICE_STATUSES])),
    observation: Type.Optional(Type.Enum([...OBSERVATIONS])),
  }),
  Type.Object({
    kind: Type.Literal('device.created'),
    organization_id: Uuid(),
    device_id: Uuid(),
    at: Timestamp(),
  }),
  Type.Object({
    kind: Type.Literal('device.deleted'),
    organization_id: Uuid(),
    device_id: Uuid(),
    at: Timestamp(),
  }),
  Type.Object({
    kind: Type.Literal('devices.seen'),
    organization_id: Uuid(),
    device_ids: Type.Array(Uuid()),
    at: Timestamp(),
  }),
  Type.Object({
    kind: Type.Literal('access.changed'),
    organization_id: Uuid(),
    at: Timestamp(),
  }),
  Type.Object({
    kind: Type.Literal('token.used'),
    organization_id: Uuid(),
    token_id: Uuid(),
    device_id: Uuid(),
    at: Timestamp(),
  }),
  Type.Object({
    kind: Type.Literal('approval.changed'),
    organization_id: Uuid(),
    approval_id: Uuid(),
    state: Type.Enum([...APPROVAL_STATES]),
    at: Timestamp(),
  }),
]);
export type LiveEvent = Static<typeof LiveEvent>;
