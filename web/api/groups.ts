/** Device groups over HTTP: named sets of one organisation's devices, to which roles can be limited. */
import { type Static, Type } from 'typebox';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

/** In one request; a larger change is several. */
export const MAX_GROUP_CHANGES = 1000;

const Name = Type.String({ minLength: 1, maxLength: 100 });
const Description = Nullable(Type.String({ maxLength: 500 }));
const DeviceIds = Type.Array(Uuid(), { maxItems: MAX_GROUP_CHANGES });

export const GroupView = Type.Object({
  id: Uuid(),
  organization_id: Uuid(),
  name: Type.String(),
  description: Description,
  created_at: Timestamp(),
  device_count: Type.Integer({ minimum: 0 }),
  member_count: Type.Integer({
    minimum: 0,
    description: 'People whose role is limited to it, among others.',
  }),
});
export type GroupView = Static<typeof GroupView>;
export const GroupName = Type.Object({ id: Uuid(), name: Type.String() });

export const CreateGroupBody = Type.Object({
  organization_id: Uuid(),
  name: Name,
  description: Type.Optional(Description),
});
export const UpdateGroupBody = Type.Object({
  name: Type.Optional(Name),
  description: Type.Optional(Description),
});
export const GroupDevicesBody = Type.Object({
  add: Type.Optional(DeviceIds),
  remove: Type.Optional(DeviceIds),
});
export const GroupDevicesReply = Type.Object({
  added: Type.Integer({ minimum: 0 }),
  removed: Type.Integer({ minimum: 0 }),
  device_count: Type.Integer({ minimum: 0 }),
});
export type GroupDevicesReply = Static<typeof GroupDevicesReply>;

const GroupParams = Type.Object({ group_id: Uuid() });
const admin = { auth: 'session', tag: 'groups' } as const;

export const GROUP_ROUTES = {
  'groups.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/groups',
    action: 'group.read',
    summary: 'Device groups by name',
    query: Type.Object({ org_id: Type.Optional(Uuid()), ...PageQuery }),
    status: 200,
    response: PageOf(GroupView),
  },
  'groups.create': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/groups',
    action: 'group.write',
    summary: 'Create a device group',
    body: CreateGroupBody,
    status: 201,
    response: GroupView,
  },
  'groups.get': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/groups/:group_id',
    action: 'group.read',
    summary: 'One device group',
    params: GroupParams,
    status: 200,
    response: GroupView,
  },
  'groups.update': {
    ...admin,
    method: 'PUT',
    path: '/api/v1/admin/edge/groups/:group_id',
    action: 'group.write',
    summary: 'Rename or describe a device group',
    params: GroupParams,
    body: UpdateGroupBody,
    status: 200,
    response: GroupView,
  },
  'groups.delete': {
    ...admin,
    method: 'DELETE',
    path: '/api/v1/admin/edge/groups/:group_id',
    action: 'group.write',
    summary: 'Delete a group, not its devices; roles limited to it alone see no device any more',
    params: GroupParams,
    status: 204,
  },
  'groups.devices': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/groups/:group_id/devices',
    action: 'group.write',
    summary: 'Put devices into a group and take others out, all or none',
    params: GroupParams,
    body: GroupDevicesBody,
    status: 200,
    response: GroupDevicesReply,
  },
} as const satisfies Record<string, Route>;
