/** Which metrics an organisation knows: those built in, those that it declared, those that its devices sent. */
import { METRIC_CATALOGUE } from '#contract';
import { type Database, type StoredMetricType, StoreError } from '#db';
import type { BodyOf, MetricTypeView } from '#web-api';
import { permit } from '../access/permit.ts';
import { audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { TelemetryUseCases } from '../telemetry-use-cases.ts';

export interface MetricTypesDeps {
  readonly database: Database;
  readonly log: Logger;
}
type MetricTypeUseCases = Pick<TelemetryUseCases, 'metricTypes' | 'putMetricType' | 'deleteMetricType'>;

/** Label combinations of one type and device; more is a label that holds an id or a time. */
const DEFAULT_MAX_SERIES = 100;
/** The agent's own types are bounded by the machine itself. */
const BUILTIN_MAX_SERIES = 1000;

export function createMetricTypes(deps: MetricTypesDeps): MetricTypeUseCases {
  const { database } = deps;
  return {
    async metricTypes(person, orgId) {
      const organization = await database.organizations.find(orgId);
      permit(person, 'telemetry.read', organization?.id, 'organization.not_found');
      const own = await database.metricTypes.list(organization.id);
      const shown = own.filter(({ name }) => !isBuiltin(name)).map(metricTypeView);
      return { items: [...builtinTypes(), ...shown] };
    },

    async putMetricType(person, orgId, name, body) {
      const draft = byPerson(person, 'metric_type.put', `metric_type:${name}`);
      return audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'telemetry.write', organization?.id, 'organization.not_found', entry);
        if (isBuiltin(name)) throw new AppError('metric_type.builtin');
        const before = (await stores.metricTypes.list(organization.id)).find((type) => type.name === name);
        const after = await stores.metricTypes
          .put(organization.id, declarationOf(name, body))
          .catch((error: unknown) => {
            throw isFull(error) ? new AppError('metric_type.too_many', { cause: error }) : error;
          });
        entry.detail = changesBetween({ ...before }, { ...after });
        await stores.notify('edge_telemetry', { organization_id: organization.id });
        return metricTypeView(after);
      });
    },

    async deleteMetricType(person, orgId, name) {
      const draft = byPerson(person, 'metric_type.delete', `metric_type:${name}`);
      await audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'telemetry.write', organization?.id, 'organization.not_found', entry);
        if (isBuiltin(name)) throw new AppError('metric_type.builtin');
        const isGone = await stores.metricTypes.delete(organization.id, name);
        if (!isGone) throw new AppError('metric_type.not_found');
        await stores.notify('edge_telemetry', { organization_id: organization.id });
      });
    },
  };
}

const isBuiltin = (name: string): boolean => Object.hasOwn(METRIC_CATALOGUE, name);

const isFull = (error: unknown): boolean => error instanceof StoreError && error.code === 'conflict';

const declarationOf = (
  name: string,
  body: BodyOf<'metric_types.put'>,
): Omit<StoredMetricType, 'origin' | 'firstSeenAt'> => ({
  name,
  description: body.description ?? null,
  unit: body.unit ?? null,
  kind: body.kind ?? 'gauge',
  allowedLabels: body.allowed_labels ?? null,
  maxSeries: body.max_series ?? DEFAULT_MAX_SERIES,
});

/** Units differ by field there, so the type itself has none. */
const builtinTypes = (): MetricTypeView[] =>
  Object.entries(METRIC_CATALOGUE).map(([name, { doc, labels }]) => ({
    name,
    origin: 'builtin',
    description: doc,
    unit: null,
    kind: 'gauge',
    allowed_labels: [...labels],
    max_series: BUILTIN_MAX_SERIES,
    first_seen_at: null,
  }));

const metricTypeView = (type: StoredMetricType): MetricTypeView => ({
  name: type.name,
  origin: type.origin,
  description: type.description,
  unit: type.unit,
  kind: type.kind,
  allowed_labels: type.allowedLabels === null ? null : [...type.allowedLabels],
  max_series: type.maxSeries,
  first_seen_at: type.firstSeenAt?.toISOString() ?? null,
});
