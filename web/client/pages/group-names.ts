/** The device groups of one organisation, or of all that the person sees, for choices and names. */
import type { ReactiveControllerHost } from 'lit';
import { type GroupView, MAX_PAGE_SIZE } from '#web-api';
import type { ConsoleContext } from '../state/context.ts';
import { Resource } from '../state/resource.ts';

export class GroupNames {
  readonly #groups: Resource<readonly GroupView[]>;

  constructor(
    host: ReactiveControllerHost,
    options: { readonly context: () => ConsoleContext; readonly organizationId: () => string | null },
  ) {
    this.#groups = new Resource(host, async (signal) => {
      const orgId = options.organizationId();
      const query = { page_size: MAX_PAGE_SIZE, ...(orgId === null ? {} : { org_id: orgId }) };
      return (await options.context().api.call('groups.list', { query, signal })).items;
    });
  }

  load(): void {
    void this.#groups.load({ forget: true });
  }

  get all(): readonly GroupView[] {
    return this.#groups.value ?? [];
  }

  readonly nameOf = (groupId: string): string | undefined => this.all.find(({ id }) => id === groupId)?.name;
}
