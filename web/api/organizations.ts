/** Organisations over HTTP: what they are, and their life from creation to deletion. */
import { type Static, Type } from 'typebox';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

export const ORGANIZATION_STATES = ['active', 'suspended', 'deleting'] as const;

const Name = Type.String({ minLength: 1, maxLength: 200 });
const Reason = Type.String({ minLength: 1, maxLength: 500, description: 'Shown to its people.' });
export const OrganizationParams = Type.Object({ organization_id: Uuid() });

export const OrganizationView = Type.Object({
  id: Uuid(),
  slug: Type.String(),
  name: Type.String(),
  created_at: Timestamp(),
  device_count: Type.Integer({ minimum: 0 }),
  state: Type.Enum([...ORGANIZATION_STATES]),
  suspended_at: Nullable(Timestamp()),
  suspension_reason: Nullable(Type.String()),
  delete_after: Nullable(Timestamp('Until then it can be resumed; afterwards everything of it is deleted.')),
});
export type OrganizationView = Static<typeof OrganizationView>;

export const CreateOrganizationBody = Type.Object({
  name: Name,
  slug: Type.String({
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,25}[a-z0-9])?$',
    description: 'Part of every topic; can never change. 1-27 of a-z, 0-9 and -.',
  }),
});
export const UpdateOrganizationBody = Type.Object({ name: Name });
export const SuspendOrganizationBody = Type.Object({ reason: Reason });
export const ORGANIZATION_EXPORT_PARTS = ['telemetry'] as const;

const admin = { auth: 'session', tag: 'organizations' } as const;
const one = '/api/v1/admin/organizations/:organization_id';

export const ORGANIZATION_ROUTES = {
  'organizations.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/organizations',
    action: 'organization.list',
    summary: 'Organisations that the caller belongs to; all of them for a system admin',
    query: Type.Object({ ...PageQuery }),
    status: 200,
    response: PageOf(OrganizationView),
  },
  'organizations.create': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/organizations',
    action: 'organization.create',
    summary: 'Create an organisation',
    body: CreateOrganizationBody,
    status: 201,
    response: OrganizationView,
  },
  'organizations.get': {
    ...admin,
    method: 'GET',
    path: one,
    action: 'organization.read',
    summary: 'One organisation',
    params: OrganizationParams,
    status: 200,
    response: OrganizationView,
  },
  'organizations.update': {
    ...admin,
    method: 'PUT',
    path: one,
    action: 'organization.update',
    summary: 'Rename an organisation',
    params: OrganizationParams,
    body: UpdateOrganizationBody,
    status: 200,
    response: OrganizationView,
  },
  'organizations.suspend': {
    ...admin,
    method: 'POST',
    path: `${one}/suspend`,
    action: 'organization.suspend',
    summary: 'Stop everything of an organisation at once: its people, API keys, devices and integrators',
    params: OrganizationParams,
    body: SuspendOrganizationBody,
    status: 200,
    response: OrganizationView,
  },
  'organizations.resume': {
    ...admin,
    method: 'POST',
    path: `${one}/resume`,
    action: 'organization.suspend',
    summary: 'Take back a suspension or a deletion; devices come back by themselves',
    params: OrganizationParams,
    status: 200,
    response: OrganizationView,
  },
  'organizations.delete': {
    ...admin,
    method: 'DELETE',
    path: one,
    action: 'organization.delete',
    summary: 'Suspend an organisation now and delete it when the grace is over',
    params: OrganizationParams,
    query: Type.Object({
      confirm: Type.String({ maxLength: 200, description: 'The name of the organisation.' }),
    }),
    status: 200,
    response: OrganizationView,
  },
  'organizations.export': {
    ...admin,
    method: 'GET',
    path: `${one}/export`,
    action: 'organization.export',
    summary: 'Everything that the organisation owns except secrets and keys, one JSON object per line',
    params: OrganizationParams,
    query: Type.Object({
      include: Type.Optional(
        Type.Enum([...ORGANIZATION_EXPORT_PARTS], { description: 'Measurements and log lines as well.' }),
      ),
    }),
    status: 200,
    produces: 'application/x-ndjson',
  },
} as const satisfies Record<string, Route>;
