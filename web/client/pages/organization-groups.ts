/** Device groups of one organisation: what they are called and which devices are in them. */
import { html, nothing, type PropertyDeclarations } from 'lit';
import type { GroupView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { count } from '../format/quantity.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage } from './console-page.ts';
import { GroupDevices } from './group-devices.ts';
import { PagedList } from './paged-list.ts';

/** `null`: one that is to be made. */
interface EditedGroup {
  readonly group: GroupView | null;
}

export class OrganizationGroups extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    organizationId: { attribute: false },
  };
  declare organizationId: string;
  readonly #list = new PagedList<GroupView>(this, {
    context: () => this.context,
    what: 'groups',
    followsOrganization: false,
    fetch: (cursor, signal) =>
      this.context.api.call('groups.list', { query: { org_id: this.organizationId, ...cursor }, signal }),
  });
  readonly #edit = new FormAction<EditedGroup>(this);
  readonly #delete = new FormAction<GroupView>(this);
  readonly #devices = new GroupDevices(this, {
    context: () => this.context,
    onChanged: () => void this.#list.load(),
  });
  #typedName = '';

  override render() {
    const mayManage = this.can('group.write', this.organizationId);
    const create = mayManage
      ? html`<button type="button" class="button small" @click=${() => this.#edit.open({ group: null })}>${icon('plus')}Create group</button>`
      : nothing;
    return html`
      <section class="card table-card" aria-label="Device groups">
        <div class="card-head"><h2>Device groups</h2>${create}</div>
        ${this.#list.render({
          empty: emptyState({
            icon: 'devices',
            title: 'No groups yet',
            text: 'A group names some of the devices, so that a role can be limited to them.',
          }),
          table: (items) => html`
          <table class="table auto" role="table" aria-label="Device groups">
            <thead role="rowgroup">
              <tr role="row"><th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Devices</th><th role="columnheader" scope="col">Limited roles</th><th role="columnheader" scope="col">Created</th><th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th></tr>
            </thead>
            <tbody role="rowgroup">${items.map((group) => this.#row(group, mayManage))}</tbody>
          </table>`,
        })}
      </section>
      ${this.#renderEdit()} ${this.#renderDelete()} ${this.#devices.render()}`;
  }

  #row(group: GroupView, mayManage: boolean) {
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${group.name}</b>${group.description === null ? nothing : html`<div class="fine">${group.description}</div>`}</div></td>
      <td role="cell" data-label="Devices"><div class="cell">${group.device_count}</div></td>
      <td role="cell" data-label="Limited roles"><div class="cell">${group.member_count}</div></td>
      <td role="cell" data-label="Created"><div class="cell">${ago(group.created_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${
        mayManage
          ? html`<div class="icon-row"><button type="button" class="icon-button" aria-label="Devices of ${group.name}" title="Devices" @click=${() => this.#devices.open(group)}>${icon('devices')}</button>
              <button type="button" class="icon-button" aria-label="Edit ${group.name}" title="Edit" @click=${() => this.#edit.open({ group })}>${icon('pencil')}</button>
              <button type="button" class="icon-button" aria-label="Delete ${group.name}" title="Delete" @click=${() => this.#openDelete(group)}>${icon('trash')}</button></div>`
          : nothing
      }</td>
    </tr>`;
  }

  #renderEdit() {
    const edited = this.#edit.subject;
    if (edited === null) return nothing;
    const { group } = edited;
    const { error, isBusy } = this.#edit;
    return formDialog({
      heading: group === null ? 'Create group' : 'Edit group',
      submitLabel: group === null ? 'Create' : 'Save',
      isBusy,
      onClose: () => this.#edit.close(),
      onSubmit: (form) =>
        void this.#edit.run(async () => {
          const fields = { name: textOf(form, 'name') ?? '', description: textOf(form, 'description') };
          const { api } = this.context;
          await (group === null
            ? api.call('groups.create', { body: { organization_id: this.organizationId, ...fields } })
            : api.call('groups.update', { params: { group_id: group.id }, body: fields }));
          await this.#list.load();
        }),
      body: html`${formError(error, ['name', 'description'])}
        ${field({ id: 'group-name', label: 'Name', error: fieldError(error, 'name'), control: html`<input class="input" id="group-name" name="name" required maxlength="100" autofocus .value=${group?.name ?? ''} aria-describedby=${describedBy('group-name')} />` })}
        ${field({ id: 'group-description', label: 'Description', isOptional: true, error: fieldError(error, 'description'), control: html`<input class="input" id="group-description" name="description" maxlength="500" .value=${group?.description ?? ''} aria-describedby=${describedBy('group-description')} />` })}`,
    });
  }

  #openDelete(group: GroupView): void {
    this.#typedName = '';
    this.#delete.open(group);
  }

  #renderDelete() {
    const group = this.#delete.subject;
    if (group === null) return nothing;
    return formDialog({
      heading: 'Delete group',
      submitLabel: 'Delete',
      isDanger: true,
      isBusy: this.#delete.isBusy,
      isDisabled: this.#typedName !== group.name,
      onClose: () => this.#delete.close(),
      onSubmit: () => {
        if (this.#typedName !== group.name) return;
        void this.#delete.run(async () => {
          await this.context.api.call('groups.delete', { params: { group_id: group.id } });
          this.context.notices.say('success', `${group.name} is deleted.`);
          await this.#list.load();
        });
      },
      body: html`${formError(this.#delete.error, [])}
        <p>Its ${count(group.device_count, 'device')} stay. ${group.member_count === 0 ? 'No role is limited to it.' : html`<b>${count(group.member_count, 'role')}</b> limited to it see these devices no longer.`}</p>
        ${field({
          id: 'typed-group',
          label: `Type “${group.name}” to confirm`,
          control: html`<input class="input" id="typed-group" autocomplete="off" spellcheck="false" autofocus @input=${this.#type} aria-describedby=${describedBy('typed-group')} />`,
        })}`,
    });
  }

  readonly #type = (event: Event): void => {
    this.#typedName = event.target instanceof HTMLInputElement ? event.target.value.trim() : '';
    this.requestUpdate();
  };
}

customElements.define('oc-organization-groups', OrganizationGroups);
declare global {
  interface HTMLElementTagNameMap {
    'oc-organization-groups': OrganizationGroups;
  }
}
