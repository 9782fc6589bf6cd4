/** Services of this machine: what systemd, Docker and Podman have running, with restarts and main processes. */
import type { ServiceStatus } from '#contract';
import { CONTAINER_TOOLS, CONTAINERS_ABSENT_MS, readContainers } from './containers.ts';
import { type KnownService, MAX_PROCESSES } from './processes.ts';
import { probe, type RunProgram } from './program.ts';
import { readContainerDetails, readUnitDetails, type ServiceDetail } from './service-detail.ts';
import { hasSystemd, readUnits } from './systemd.ts';

/** What a heartbeat may carry. */
const MAX_SERVICES = 200;

export interface ServiceReader {
  read(): Promise<ServiceStatus[]>;
  /** As the last look found them; failed ones first. */
  known(): readonly KnownService[];
}

export interface ServiceReaderOptions {
  readonly run: RunProgram;
  readonly watchedServices: ReadonlySet<string>;
  readonly nowMs: () => number;
  readonly isSystemd?: () => boolean;
}

export function createServiceReader(options: ServiceReaderOptions): ServiceReader {
  const { run, watchedServices, nowMs, isSystemd = hasSystemd } = options;
  const units = probe(() => readUnits(run, watchedServices), { absentForMs: CONTAINERS_ABSENT_MS, nowMs });
  const tools = CONTAINER_TOOLS.map((tool) => ({
    list: probe(() => readContainers(run, tool), { absentForMs: CONTAINERS_ABSENT_MS, nowMs }),
    details: (names: readonly string[]) => readContainerDetails(run, tool, names),
  }));
  let known: readonly KnownService[] = [];

  const look = async (
    list: () => Promise<ServiceStatus[] | null>,
    details: (names: readonly string[]) => Promise<ServiceDetail[]>,
  ): Promise<KnownStatus[]> => {
    const found = (await list()) ?? [];
    const names = boundServices(found)
      .slice(0, MAX_PROCESSES)
      .map(({ name }) => name);
    // A service that ended in between fails the whole question; its state is known all the same.
    return withDetails(found, await details(names).catch(() => []));
  };

  return {
    async read() {
      const found = await Promise.all([
        isSystemd() ? look(units, (names) => readUnitDetails(run, names)) : Promise.resolve([]),
        ...tools.map(({ list, details }) => look(list, details)),
      ]);
      const services = boundServices(found.flat());
      known = services.map(({ name, kind = 'unknown', status, restarts, pid = null }) => ({
        name,
        kind,
        isRunning: status === 'running',
        restarts: restarts ?? null,
        pid,
      }));
      return services.map(({ pid: _pid, ...service }) => service);
    },
    known: () => known,
  };
}

type KnownStatus = ServiceStatus & { readonly pid?: number | null };

/** Pure. */
export function withDetails(
  services: readonly ServiceStatus[],
  details: readonly ServiceDetail[],
): KnownStatus[] {
  const byName = new Map(details.map((detail) => [detail.name, detail]));
  return services.map((service) => {
    const detail = byName.get(service.name);
    if (detail === undefined) return service;
    const { restarts, pid } = detail;
    return { ...service, ...(restarts === null ? {} : { restarts }), pid };
  });
}

/** Failed services first, each name and kind once, as many as a heartbeat may carry. Pure. */
export function boundServices<S extends ServiceStatus>(services: readonly S[]): S[] {
  const unique = new Map(services.map((service) => [`${service.kind}/${service.name}`, service]));
  return [...unique.values()]
    .sort((a, b) => Number(b.status === 'failed') - Number(a.status === 'failed'))
    .slice(0, MAX_SERVICES);
}
