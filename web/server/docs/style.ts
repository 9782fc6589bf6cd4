/** Style of the documentation page; a file of its own because the policy allows no inline style. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --text: #1a1d21; --page: #fff; --line: #d5d9de; --soft: #f3f5f7; --mark: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --page: #14171a; --line: #3a4047; --soft: #1e2226; --mark: #8cc2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; color: var(--text); background: var(--page); font: 1rem/1.5 system-ui, sans-serif; }
header, main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
a { color: var(--mark); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none; }
details { border: 1px solid var(--line); border-radius: .375rem; margin: .5rem 0; padding: 0 .75rem; }
summary { cursor: pointer; padding: .5rem 0; overflow-wrap: anywhere; }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
.method { font-weight: 600; color: var(--mark); }
.summary { display: block; }
.optional { font-size: .8125rem; font-style: italic; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: .375rem; }
code { font-family: ui-monospace, monospace; font-size: .875rem; }
`.trimStart();
