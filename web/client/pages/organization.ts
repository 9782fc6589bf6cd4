/** `/admin/organizations/{id}`: name and members. */
import { html, nothing } from 'lit';
import { type MemberView, type OrganizationView, ROLES, type Role } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { ApiError } from '../data/api-error.ts';
import { count } from '../format/quantity.ts';
import { dateOnly } from '../format/time.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import './metric-types.ts';
import { PagedList } from './paged-list.ts';
import './telemetry-settings.ts';

export const ORGANIZATION_TAG = 'oc-organization-page' as const;
const ROLE_LABELS: Readonly<Record<Role, string>> = {
  org_admin: 'Admin',
  operator: 'Operator',
  release_manager: 'Release manager',
  auditor: 'Auditor',
  org_member: 'Member (read only)',
};

export class OrganizationPage extends ConsolePage {
  readonly #organization = new Resource<OrganizationView>(this, (signal) =>
    this.context.api.call('organizations.get', { params: { organization_id: this.#id }, signal }),
  );
  readonly #members = new PagedList<MemberView>(this, {
    context: () => this.context,
    what: 'members',
    followsOrganization: false,
    fetch: (cursor, signal) =>
      this.context.api.call('members.list', {
        params: { organization_id: this.#id },
        query: cursor,
        signal,
      }),
  });
  readonly #rename = new FormAction<OrganizationView>(this);
  readonly #add = new FormAction<true>(this);
  readonly #remove = new FormAction<MemberView>(this);

  get #id(): string {
    return this.location.params.organization_id ?? '';
  }

  protected override open() {
    void this.#organization.load();
    return [];
  }

  override render() {
    const organization = this.#organization.value;
    if (organization === null) {
      const error = this.#organization.error;
      return html`${pageHead({ title: 'Organisation' })}
        <div class="card">${error === null ? skeletonRows(5, 'Loading the organisation') : errorState(error, () => void this.#organization.load())}</div>`;
    }
    const mayRename = this.can('organization.update', organization.id);
    const mayManage = this.can('member.write', organization.id);
    return html`
      ${pageHead({
        title: organization.name,
        sub: html`<span class="mono">${organization.slug}</span> · ${count(organization.device_count, 'device')} · since ${dateOnly(organization.created_at)}`,
        actions: mayRename
          ? html`<button type="button" class="button" @click=${() => this.#rename.open(organization)}>${icon('pencil')}Rename</button>`
          : nothing,
      })}
      <section class="card table-card" aria-label="Members">
        <div class="card-head">
          <h2>Members</h2>
          ${mayManage ? html`<button type="button" class="button small" @click=${() => this.#add.open(true)}>${icon('plus')}Add member</button>` : nothing}
        </div>
        ${this.#renderMembers(mayManage)}
      </section>
      ${
        this.can('telemetry.read', organization.id)
          ? html`<oc-telemetry-settings .context=${this.context} .location=${this.location} .organizationId=${organization.id}></oc-telemetry-settings>
              <oc-metric-types .context=${this.context} .location=${this.location} .organizationId=${organization.id}></oc-metric-types>`
          : nothing
      }
      ${this.#renderRename()} ${this.#renderAdd()} ${this.#renderRemove()}`;
  }

  #renderMembers(mayManage: boolean) {
    return this.#members.render({
      empty: emptyState({
        icon: 'people',
        title: 'No members yet',
        text: 'Add the people who run this organisation’s devices. System admins need no membership.',
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Members">
        <thead role="rowgroup">
          <tr role="row"><th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Role</th><th role="columnheader" scope="col">Last sign-in</th><th role="columnheader" scope="col">Added</th><th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th></tr>
        </thead>
        <tbody role="rowgroup">${items.map((member) => this.#row(member, mayManage))}</tbody>
      </table>`,
    });
  }

  #row(member: MemberView, mayManage: boolean) {
    const session = this.context.session.get();
    const isSelf = session.kind === 'in' && session.me.user_id === member.user_id;
    const mayEdit = mayManage && !isSelf;
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${member.name}</b>${isSelf ? html` <span class="tag">You</span>` : nothing}<div class="fine">${member.email}</div></div></td>
      <td role="cell" data-label="Role"><div class="cell">${
        mayEdit
          ? html`<select class="select" aria-label="Role of ${member.name}" @change=${(event: Event) => void this.#changeRole(member, event)}>
              ${ROLES.map((role) => html`<option value=${role} ?selected=${role === member.role}>${ROLE_LABELS[role]}</option>`)}
            </select>`
          : ROLE_LABELS[member.role]
      }</div></td>
      <td role="cell" data-label="Last sign-in"><div class="cell">${ago(member.last_login_at, this.nowMs)}</div></td>
      <td role="cell" data-label="Added"><div class="cell">${ago(member.created_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${mayEdit ? html`<button type="button" class="icon-button" aria-label="Remove ${member.name}" title="Remove" @click=${() => this.#remove.open(member)}>${icon('trash')}</button>` : nothing}</td>
    </tr>`;
  }

  async #changeRole(member: MemberView, event: Event) {
    const value = event.currentTarget instanceof HTMLSelectElement ? event.currentTarget.value : '';
    const role = ROLES.find((known) => known === value);
    if (role === undefined) return;
    const params = { organization_id: this.#id, user_id: member.user_id };
    try {
      await this.context.api.call('members.update', { params, body: { role } });
      this.context.notices.say('success', `${member.name} is now ${ROLE_LABELS[role]}.`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.context.notices.say('danger', error.message);
    }
    await this.#members.load();
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

  #renderAdd() {
    if (this.#add.subject === null) return nothing;
    const { error, isBusy } = this.#add;
    return formDialog({
      heading: 'Add member',
      submitLabel: 'Add',
      isBusy,
      onClose: () => this.#add.close(),
      onSubmit: (form) =>
        void this.#add.run(async () => {
          const name = textOf(form, 'name');
          const password = textOf(form, 'password');
          const role = ROLES.find((known) => known === textOf(form, 'role')) ?? 'org_member';
          const added = await this.context.api.call('members.add', {
            params: { organization_id: this.#id },
            body: {
              email: textOf(form, 'email') ?? '',
              role,
              ...(name === null ? {} : { name }),
              ...(password === null ? {} : { password }),
            },
          });
          this.context.notices.say('success', `${added.name} is a member now.`);
          await this.#members.load();
        }),
      body: html`
        ${formError(error, ['email', 'name', 'role', 'password'])}
        ${field({ id: 'member-email', label: 'E-mail', error: fieldError(error, 'email'), control: html`<input class="input" id="member-email" name="email" type="email" required maxlength="254" autocomplete="off" autofocus aria-describedby=${describedBy('member-email')} />` })}
        ${field({ id: 'member-role', label: 'Role', control: html`<select class="select" id="member-role" name="role" aria-describedby=${describedBy('member-role')}>${ROLES.map((role) => html`<option value=${role} ?selected=${role === 'org_member'}>${ROLE_LABELS[role]}</option>`)}</select>` })}
        ${field({ id: 'member-name', label: 'Name', isOptional: true, hint: 'For a person who is new here.', error: fieldError(error, 'name'), control: html`<input class="input" id="member-name" name="name" maxlength="200" autocomplete="off" aria-describedby=${describedBy('member-name')} />` })}
        ${field({ id: 'member-password', label: 'First password', isOptional: true, hint: 'For a person who is new here; at least 12 characters, changed at the first sign-in.', error: fieldError(error, 'password'), control: html`<input class="input" id="member-password" name="password" type="password" minlength="12" maxlength="200" autocomplete="new-password" aria-describedby=${describedBy('member-password')} />` })}`,
    });
  }

  #renderRemove() {
    const member = this.#remove.subject;
    if (member === null) return nothing;
    return formDialog({
      heading: 'Remove member',
      submitLabel: 'Remove',
      isDanger: true,
      isBusy: this.#remove.isBusy,
      onClose: () => this.#remove.close(),
      onSubmit: () =>
        void this.#remove.run(async () => {
          const params = { organization_id: this.#id, user_id: member.user_id };
          await this.context.api.call('members.remove', { params });
          this.context.notices.say('success', `${member.name} is no member any more.`);
          await this.#members.load();
        }),
      body: html`${formError(this.#remove.error, [])}<p><b>${member.name}</b> (${member.email}) loses access to this organisation at once.</p>`,
    });
  }
}

customElements.define(ORGANIZATION_TAG, OrganizationPage);
declare global {
  interface HTMLElementTagNameMap {
    [ORGANIZATION_TAG]: OrganizationPage;
  }
}
