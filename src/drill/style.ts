/** How the page of a drill looks: on a screen, light or dark, and on paper. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c2429; --dim: #5c6b73; --line: #d5dde1; --paper: #fff; --ok: #1a7f4b; --wrong: #b3261e; --bar: #2b6c94; --part: #8fb9d1; --own: #c9a25b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ecef; --dim: #9aabb3; --line: #37434a; --paper: #151b1f; --ok: #58c78d; --wrong: #ff8a80; --bar: #62a8d1; --part: #33596e; --own: #a8843f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 820px; margin: 0 auto; padding: 28px 28px 48px; }
h1 { font-size: 26px; margin: 2px 0; overflow-wrap: anywhere; } h2 { font-size: 16px; margin: 32px 0 8px; }
p { margin: 0; } table + p { margin-top: 14px; }
header { border-left: 6px solid var(--ok); padding: 4px 0 4px 18px; } header.failed { border-color: var(--wrong); } header.unchecked { border-color: var(--own); }
header p, figcaption { color: var(--dim); } header .verdict { color: var(--ok); font-weight: 700; } header.failed .verdict { color: var(--wrong); } header.unchecked .verdict { color: var(--own); }
.problem pre { border: 1px solid var(--wrong); border-radius: 4px; padding: 10px 12px; }
.figures { display: flex; flex-wrap: wrap; gap: 10px; margin-top: 24px; }
.figures div { flex: 1 1 150px; border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px; }
.figures strong { display: block; font-size: 20px; white-space: nowrap; } .figures p { color: var(--dim); font-size: 13px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; } th { text-align: left; color: var(--dim); font-weight: 500; }
td, th { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
.phases td + td, .phases th + th { text-align: right; font-variant-numeric: tabular-nums; } .phases .part td:first-child { padding-left: 20px; color: var(--dim); }
em { color: var(--dim); }
.ok { color: var(--ok); font-weight: 600; width: 4em; } .wrong { color: var(--wrong); font-weight: 700; width: 4em; } .not { color: var(--own); font-weight: 700; width: 4em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 0 0 12px; font-size: 14px; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 13px/1.5 ui-monospace, monospace; } pre { overflow-x: auto; white-space: pre-wrap; margin: 0; }
img { max-width: 100%; border: 1px solid var(--line); }
.timeline { width: 100%; height: auto; margin-bottom: 10px; font: 12px system-ui, sans-serif; }
.timeline text { fill: var(--ink); } .timeline .name { text-anchor: end; } .timeline .name.part, .timeline .took, .timeline .tick { fill: var(--dim); } .timeline .tick { text-anchor: middle; font-size: 11px; }
.timeline .grid { stroke: var(--line); } .timeline rect { fill: var(--bar); } .timeline rect.part { fill: var(--part); } .timeline rect.own { fill: var(--own); }
@media print { main { padding: 0; max-width: none; } section { break-inside: avoid; } }
`;
