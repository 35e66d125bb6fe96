const LIGHT = `
--ground: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --muted: #57606a; --line: #c4cad2; --grid: #e6e9ed;
--accent: #0b5cad; --worst: #fff1d6; --worst-ink: #8a4b00; --bad: #b3261e;
--series-0: #0067b1; --series-1: #c8500a; --series-2: #00805a; --series-3: #a43d8f;
--series-4: #8a6500; --series-5: #5c55c7; --series-6: #00808c; --series-7: #6b7280;
--heat-low: #f1f5fa; --heat-high: #0b4f8f; --heat-text-low: #1b1f24; --heat-text-mid: #0d1217; --heat-text-high: #ffffff;`;

const DARK = `
--ground: #14171b; --card: #1c2026; --ink: #e8eaed; --muted: #a3adb8; --line: #4a525c; --grid: #2a3038;
--accent: #7ab8f5; --worst: #3a2b10; --worst-ink: #ffc66b; --bad: #ff8a80;
--series-0: #5fb0f2; --series-1: #ff9a5c; --series-2: #45c99a; --series-3: #e48bd0;
--series-4: #e0b84a; --series-5: #a8a2ff; --series-6: #4cc9d6; --series-7: #aab2bd;
--heat-low: #232a33; --heat-high: #6db6f7; --heat-text-low: #f2f4f6; --heat-text-mid: #0d1217; --heat-text-high: #0d1217;`;

/** The page's one style sheet: colours by the reader's theme, one column on narrow screens. */
export const pageStyle: string = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 3rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h4 { font-size: .875rem; margin: 0 0 .5rem; color: var(--muted); }
p, ul { max-width: 46rem; }
p { margin: .5rem 0 1rem; }
ul { padding-left: 1.25rem; }
li { margin: .35rem 0; }
.words { max-width: 60rem; }
small { display: block; font-size: .8125rem; font-weight: normal; color: var(--muted); }
code { font-size: .8125rem; color: var(--muted); overflow-wrap: anywhere; font-weight: normal; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .5rem .9rem .5rem 0; border-bottom: 1px solid var(--grid); }
thead th { color: var(--muted); font-weight: 600; border-bottom-color: var(--line); vertical-align: bottom; }
td .badge { white-space: nowrap; }
.methods th, .methods td { min-width: 8.5rem; }
.methods tbody th { min-width: 12rem; }
.scores small span { white-space: nowrap; }
.scores td { padding-left: .5rem; min-width: 7.5rem; }
.scores td:nth-child(2) { min-width: 0; }
.scores thead th { padding-left: .5rem; }
.scores thead th:first-child, .group th { padding-left: 0; }
.scores tbody th { min-width: 12rem; }
.group th { padding-top: 1.25rem; color: var(--muted); font-weight: 600; }
.worst { background: var(--worst); color: var(--worst-ink); }
.worst small { color: inherit; }
.badge { border: 1px solid currentColor; border-radius: 1rem; padding: 0 .4rem; font-size: .6875rem; font-weight: 600; }
.bad { color: var(--bad); }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; background: var(--own); margin-right: .45em; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); }
figure { margin: 0; }
figcaption { font-size: .875rem; color: var(--muted); margin-bottom: .35rem; }
figcaption strong { color: var(--ink); }
.plot { display: block; max-width: 100%; height: auto; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.5rem; }
.flow { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem; }
.flow figure { max-width: 100%; }
.flow + p { margin-top: 1.75rem; }
.flow .plot { max-width: none; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; margin: 0 0 1rem; font-size: .875rem; max-width: none; }
.legend li { display: flex; align-items: center; gap: .5rem; margin: 0; }
.swatch { width: 1.6rem; border-top: 3px solid var(--own); }
.swatch.dashed { border-top-style: dashed; }
.swatch.dotted { border-top-style: dotted; }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
article { background: var(--card); border-radius: .5rem; padding: .9rem 1rem; overflow-wrap: anywhere; }
article p { margin: 0 0 .5rem; font-size: .9375rem; white-space: pre-wrap; }
.tag { display: inline-block; min-width: 2.9rem; font-size: .75rem; color: var(--muted); }
dl { margin: .5rem 0; }
dl div { display: grid; grid-template-columns: 10rem 1fr; gap: .25rem 1rem; padding: .35rem 0; border-bottom: 1px solid var(--grid); }
dt { color: var(--muted); }
dd { margin: 0; }
.narrow { display: none; }
@media (max-width: 44rem) {
  body { font-size: 15px; }
  main { padding: 1.25rem 1rem 3rem; }
  .wide { display: none; }
  .narrow { display: block; }
  dl div { grid-template-columns: 1fr; }
  .scores tbody th, .methods tbody th { min-width: 8.5rem; }
  .scores tbody th[scope=row], .methods tbody th { position: sticky; left: 0; background: var(--ground); }
}
@media print { .scroll { overflow: visible; } }
`;
