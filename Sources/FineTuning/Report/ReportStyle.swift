/// How a report looks.
enum ReportStyle {
    /// The style sheet. Every colour is a variable with a value for light and one for dark.
    static let sheet: Markup = """
        :root {
          color-scheme: light dark;
          --page: #f6f6f3; --surface: #ffffff; --ink: #1b1d21; --muted: #5a606a; --line: #dfe1e4; --grid: #e9eaec;
          --band: #f1f2f4; --accent: #1f5fbf; --good: #0b6b50; --bad: #a8321d; --note: #fff6dd; --note-ink: #5c4400;
          --c1: #1f66c7; --c2: #b94f0c; --c3: #0b7a5c; --c4: #7a3fb8; --c5: #b02a6b; --c6: #6b6500;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #121417; --surface: #1a1d21; --ink: #eceef1; --muted: #a4abb5; --line: #32373e; --grid: #282c32;
            --band: #20242a; --accent: #7fb2ff; --good: #5fd0a5; --bad: #ff9d85; --note: #332a10; --note-ink: #f5dfa4;
            --c1: #6ea8ff; --c2: #ff9d5c; --c3: #4cc9a0; --c4: #c39bf5; --c5: #ff86b8; --c6: #d6cf4a;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--page); color: var(--ink); font-size: 1rem; line-height: 1.55;
          font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
          font-variant-numeric: tabular-nums;
        }
        main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
        header { padding: 2.5rem 0 0.5rem; }
        .kicker { margin: 0; color: var(--muted); font-size: 0.875rem; letter-spacing: 0.02em; }
        h1, h2, h3 { line-height: 1.2; font-weight: 650; text-wrap: balance; overflow-wrap: anywhere; }
        h1 { margin: 0.25rem 0 0.75rem; font-size: clamp(1.75rem, 1.3rem + 2vw, 2.5rem); letter-spacing: -0.015em; }
        h2 { margin: 0 0 1rem; font-size: 1.3125rem; letter-spacing: -0.005em; }
        h3 { margin: 1.75rem 0 0.625rem; font-size: 1.0625rem; }
        h2 + h3, h2 + p + h3 { margin-top: 0.5rem; }
        p, ul.facts { max-width: 46rem; margin: 0 0 0.875rem; }
        ul.facts { padding-left: 1.125rem; }
        .lead { font-size: 1.0625rem; }
        .muted { color: var(--muted); }
        a { color: var(--accent); }
        section { margin-top: 2.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
        code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.875em; }
        code { overflow-wrap: anywhere; }
        pre {
          margin: 0 0 1rem; padding: 0.875rem 1rem; background: var(--surface); border: 1px solid var(--line);
          border-radius: 0.5rem; white-space: pre-wrap; overflow-wrap: anywhere;
        }
        .note {
          max-width: 46rem; margin: 1rem 0; padding: 0.75rem 1rem; border-radius: 0.5rem; background: var(--note);
          color: var(--note-ink);
        }
        .note p { margin: 0; } .note p + p { margin-top: 0.5rem; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); gap: 1rem; margin: 1.5rem 0 0; padding: 0; list-style: none; }
        .tile { padding: 1rem 1.125rem; background: var(--surface); border: 1px solid var(--line); border-radius: 0.625rem; }
        .tile p { margin: 0; }
        .tile .value { margin: 0.125rem 0 0.25rem; font-size: 2.25rem; line-height: 1.15; font-weight: 650; letter-spacing: -0.02em; }
        .tile .name { font-weight: 600; overflow-wrap: anywhere; }
        .tile .about { color: var(--muted); font-size: 0.875rem; line-height: 1.4; }
        .good { color: var(--good); } .bad { color: var(--bad); }
        .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20.5rem), 1fr)); gap: 1rem; }
        .chart { margin: 0; padding: 0.875rem 0.75rem 0.75rem; background: var(--surface); border: 1px solid var(--line); border-radius: 0.625rem; }
        .single { max-width: 28rem; }
        .chart figcaption { padding: 0 0.25rem 0.25rem; font-weight: 600; font-size: 0.9375rem; overflow-wrap: anywhere; }
        .chart > svg { display: block; width: 100%; height: auto; }
        svg text { fill: var(--muted); font-size: 11.5px; font-family: inherit; }
        svg .label { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--surface); stroke-width: 4px; }
        svg .stage { font-weight: 600; }
        svg .grid { stroke: var(--grid); fill: none; }
        svg .axis { stroke: var(--muted); stroke-opacity: 0.6; fill: none; }
        svg .divider { stroke: var(--muted); stroke-dasharray: 2 3; fill: none; }
        svg .diagonal { stroke: var(--muted); stroke-dasharray: 4 4; fill: none; }
        svg .band { fill: var(--band); }
        svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        svg .pale { stroke-width: 1; stroke-opacity: 0.4; }
        svg .kept { fill: none; stroke: var(--ink); stroke-width: 1.5; }
        svg .dots { fill: var(--c1); fill-opacity: 0.55; }
        path.c1 { stroke: var(--c1); } path.c2 { stroke: var(--c2); stroke-dasharray: 7 4; }
        path.c3 { stroke: var(--c3); stroke-dasharray: 2 4; } path.c4 { stroke: var(--c4); stroke-dasharray: 9 3 2 3; }
        path.c5 { stroke: var(--c5); stroke-dasharray: 12 4; } path.c6 { stroke: var(--c6); stroke-dasharray: 4 3; }
        circle.c1 { fill: var(--c1); } circle.c2 { fill: var(--c2); } circle.c3 { fill: var(--c3); }
        circle.c4 { fill: var(--c4); } circle.c5 { fill: var(--c5); } circle.c6 { fill: var(--c6); }
        .legend { display: flex; flex-wrap: wrap; gap: 0.125rem 1rem; margin: 0.25rem 0 0; padding: 0 0.25rem; list-style: none; font-size: 0.8125rem; color: var(--muted); }
        .legend li { display: flex; align-items: center; gap: 0.375rem; }
        .key { width: 1.75rem; height: 0.625rem; }
        .scroll { max-width: 100%; width: fit-content; margin: 0 0 1rem; overflow-x: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 0.625rem; }
        .scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        table { border-collapse: collapse; font-size: 0.9375rem; }
        th, td { padding: 0.5rem 0.875rem; text-align: left; vertical-align: top; white-space: nowrap; border-bottom: 1px solid var(--grid); }
        tbody tr:last-child > * { border-bottom: 0; }
        thead th { color: var(--muted); font-weight: 600; font-size: 0.8125rem; vertical-align: bottom; border-bottom-color: var(--line); }
        tbody th { font-weight: 500; }
        .strong > * { font-weight: 650; }
        .number { text-align: right; }
        .prose { white-space: normal; min-width: 9rem; overflow-wrap: anywhere; }
        .confusion td, .confusion thead th { text-align: right; }
        .confusion .corner { color: var(--muted); font-size: 0.8125rem; text-align: left; }
        .confusion .right { background: color-mix(in srgb, var(--good) calc(var(--share) * 0.5), transparent); }
        .confusion .wrong { background: color-mix(in srgb, var(--bad) calc(var(--share) * 0.5), transparent); }
        details { margin: 0 0 0.75rem; }
        summary { width: fit-content; margin: 0 0 0.5rem; padding: 0.25rem 0; font-weight: 600; cursor: pointer; }
        summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        .cards { display: grid; gap: 0.75rem; margin: 0 0 1rem; padding: 0; list-style: none; max-width: 60rem; }
        .card { padding: 0.875rem 1rem; background: var(--surface); border: 1px solid var(--line); border-radius: 0.625rem; }
        .card p { margin: 0 0 0.5rem; max-width: none; overflow-wrap: anywhere; }
        .card dl { display: flex; flex-wrap: wrap; gap: 0.125rem 1.5rem; margin: 0; font-size: 0.875rem; }
        .card dl div { display: flex; gap: 0.375rem; }
        .card dt { color: var(--muted); } .card dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
        footer { padding-top: 1.5rem; padding-bottom: 3rem; margin-top: 2.5rem; color: var(--muted); font-size: 0.875rem; }
        @media (max-width: 30rem) { header { padding-top: 1.5rem; } th, td { padding: 0.4375rem 0.625rem; } }
        @media print { body { background: none; } .scroll { overflow: visible; } section { break-inside: avoid-page; } }
        """
}
