/** `/admin/organizations/{id}`: one organisation, in views for what it is, its people, groups and security. */
import { html, nothing } from 'lit';
import type { Action, OrganizationView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { errorState, skeletonRows } from '../components/states.ts';
import { count } from '../format/quantity.ts';
import { dateOnly } from '../format/time.ts';
import {
  ORGANIZATION_TABS,
  type OrganizationTab,
  organizationTabOf,
  organizationTabPath,
} from '../state/addresses.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import './metric-types.ts';
import './organization-encryption.ts';
import './organization-groups.ts';
import { OrganizationLife } from './organization-life.ts';
import './organization-people.ts';
import './organization-security.ts';
import './telemetry-settings.ts';

export const ORGANIZATION_TAG = 'oc-organization-page' as const;
const TAB_LABELS: Readonly<Record<OrganizationTab, string>> = {
  overview: 'Overview',
  people: 'People and roles',
  groups: 'Groups',
  security: 'Security',
  secrets: 'Secrets and keys',
};
const TAB_ACTIONS = {
  overview: 'organization.read',
  people: 'member.read',
  groups: 'group.read',
  security: 'security.read',
  secrets: 'encryption.read',
} as const satisfies Record<OrganizationTab, Action>;

export class OrganizationPage extends ConsolePage {
  readonly #organization = new Resource<OrganizationView>(this, (signal) =>
    this.context.api.call('organizations.get', { params: { organization_id: this.#id }, signal }),
  );
  readonly #rename = new FormAction<OrganizationView>(this);
  readonly #life = new OrganizationLife(this, {
    context: () => this.context,
    onChanged: (organization) => this.#organization.put(organization),
  });

  get #id(): string {
    return this.location.params.organization_id ?? '';
  }

  protected override open() {
    void this.#organization.load();
    return [
      this.context.live.onEvent((event) => {
        if (event.kind === 'access.changed' && event.organization_id === this.#id) {
          void this.#organization.load();
        }
      }),
    ];
  }

  override render() {
    const organization = this.#organization.value;
    if (organization === null) {
      const error = this.#organization.error;
      return html`${pageHead({ title: 'Organisation' })}
        <div class="card">${error === null ? skeletonRows(5, 'Loading the organisation') : errorState(error, () => void this.#organization.load())}</div>`;
    }
    const mayRename = this.can('organization.update', organization.id);
    return html`
      ${pageHead({
        title: organization.name,
        sub: html`<span class="mono">${organization.slug}</span> · ${count(organization.device_count, 'device')} · since ${dateOnly(organization.created_at)}`,
        actions: html`${
          mayRename
            ? html`<button type="button" class="button" @click=${() => this.#rename.open(organization)}>${icon('pencil')}Rename</button>`
            : nothing
        }${this.#life.menu(organization)}`,
      })}
      ${this.#life.notice(organization)} ${this.#tabBar(organization)} ${this.#tab(organization)}
      ${this.#renderRename()} ${this.#life.render()}`;
  }

  #tabBar(organization: OrganizationView) {
    const shown = organizationTabOf(this.location);
    const tabs = ORGANIZATION_TABS.filter((tab) => this.can(TAB_ACTIONS[tab], organization.id));
    return html`<nav class="tab-bar" aria-label="Views of this organisation">
      ${tabs.map((tab) => html`<a href=${organizationTabPath(organization.id, tab)} aria-current=${tab === shown ? 'page' : nothing}>${TAB_LABELS[tab]}</a>`)}
    </nav>`;
  }

  #tab({ id }: OrganizationView) {
    const tab = organizationTabOf(this.location);
    if (!this.can(TAB_ACTIONS[tab], id)) {
      return html`<div class="card"><p class="quiet card-body">Your role does not allow this view.</p></div>`;
    }
    const { context, location } = this;
    switch (tab) {
      case 'people':
        return html`<oc-organization-people .context=${context} .location=${location} .organizationId=${id}></oc-organization-people>`;
      case 'groups':
        return html`<oc-organization-groups .context=${context} .location=${location} .organizationId=${id}></oc-organization-groups>`;
      case 'security':
        return html`<oc-organization-security .context=${context} .location=${location} .organizationId=${id}></oc-organization-security>`;
      case 'secrets':
        return html`<oc-organization-encryption .context=${context} .location=${location} .organizationId=${id}></oc-organization-encryption>`;
      case 'overview':
        return this.can('telemetry.read', id)
          ? html`<oc-telemetry-settings .context=${context} .location=${location} .organizationId=${id}></oc-telemetry-settings>
              <oc-metric-types .context=${context} .location=${location} .organizationId=${id}></oc-metric-types>`
          : nothing;
    }
  }

  #renderRename() {
    const organization = this.#rename.subject;
    if (organization === null) return nothing;
    return formDialog({
      heading: 'Rename organisation',
      submitLabel: 'Rename',
      isBusy: this.#rename.isBusy,
      onClose: () => this.#rename.close(),
      onSubmit: (form) =>
        void this.#rename.run(async () => {
          const changed = await this.context.api.call('organizations.update', {
            params: { organization_id: organization.id },
            body: { name: textOf(form, 'name') ?? '' },
          });
          this.#organization.put(changed);
          await this.context.session.refresh();
        }),
      body: html`${formError(this.#rename.error, ['name'])}
        ${field({
          id: 'organization-name',
          label: 'Name',
          hint: 'The slug stays as it is: topics and certificates hold it.',
          error: fieldError(this.#rename.error, 'name'),
          control: html`<input class="input" id="organization-name" name="name" required maxlength="200" autofocus .value=${organization.name} aria-describedby=${describedBy('organization-name')} />`,
        })}`,
    });
  }
}

customElements.define(ORGANIZATION_TAG, OrganizationPage);
declare global {
  interface HTMLElementTagNameMap {
    [ORGANIZATION_TAG]: OrganizationPage;
  }
}
