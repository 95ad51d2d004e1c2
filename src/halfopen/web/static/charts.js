// Draws what [data-chart] holds, with uPlot, and again when it, the width or the theme changes.
(() => {
  "use strict";
  if (typeof uPlot === "undefined") return;
  const HEIGHT = 190;
  const SPAN_S = 1800;
  const drawn = new Map();

  // Colours stand in the style sheet; a canvas wants them computed.
  const colour = (tone) => {
    const probe = document.createElement("i");
    probe.className = `probe tone-${tone}`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  // Failed is hatched and rescued dotted: colour is not the only sign.
  const filled = (tone) => {
    const ink = colour(tone);
    if (tone !== "bad" && tone !== "warn") return ink;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.fillStyle = ink;
    pen.fillRect(0, 0, 6, 6);
    pen.strokeStyle = pen.fillStyle = colour("paper");
    pen.lineWidth = 1.2;
    pen.beginPath();
    if (tone === "bad") {
      for (const [x, y, u, v] of [[-1, 7, 7, -1], [-1, 1, 1, -1], [5, 7, 7, 5]]) {
        pen.moveTo(x, y);
        pen.lineTo(u, v);
      }
      pen.stroke();
    } else {
      pen.arc(3, 3, 1.1, 0, 7);
      pen.fill();
    }
    return pen.createPattern(tile, "repeat");
  };

  const ms = (value) => (value == null ? "–" : value < 1000 ? `${Math.round(value)} ms` : `${+(value / 1000).toPrecision(3)} s`);
  const usd = (value) => (value == null ? "–" : value === 0 ? "$0" : value >= 1 ? `$${value.toFixed(2)}` : `$${+value.toPrecision(2)}`);
  const count = (value) => (value == null ? "–" : value.toLocaleString("en"));
  const UNITS = { ms, usd, count };

  const stacked = (series) => {
    const sums = [];
    const below = new Array(series[0]?.values.length ?? 0).fill(0);
    for (const each of series) {
      each.values.forEach((value, at) => (below[at] += value ?? 0));
      sums.push([...below]);
    }
    return sums;
  };

  const aligned = (told) => {
    const values = told.kind === "stack" ? stacked(told.series) : told.series.map((each) => each.values);
    // What is drawn first is covered by what is drawn later: the tallest first.
    return told.kind === "line" ? [told.x, ...values] : [told.x, ...values.reverse()];
  };

  const options = (told, width) => {
    const words = UNITS[told.unit];
    const order = told.kind === "line" ? told.series : [...told.series].reverse();
    const bars = told.kind !== "line" && uPlot.paths.bars({ size: [0.86, 60], align: 1 });
    const line = (told.kind === "line" && uPlot.paths.linear()) || null;
    const ink = colour("quiet");
    const grid = { stroke: colour("line"), width: 1 };
    return {
      width,
      height: HEIGHT,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { drag: { x: false, y: false } },
      legend: { live: true, markers: { fill: (plot, place) => (bars ? plot.series[place].ink : "none"), stroke: (plot, place) => plot.series[place].ink, width: 2 } },
      // A chart of a few minutes is one of half an hour with an empty beginning.
      scales: { x: { range: (_, least, most) => [Math.min(least, most - SPAN_S), most + 60] }, y: { range: (_, least, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        {
          stroke: ink,
          grid,
          ticks: grid,
          values: (_, at) => at.map((each) => new Date(each * 1000).toISOString().slice(11, 16)),
        },
        { stroke: ink, grid, ticks: grid, size: 62, values: (_, at) => at.map(words) },
      ],
      series: [
        { label: "UTC", value: (_, at) => (at == null ? "–" : new Date(at * 1000).toISOString().slice(11, 16)) },
        ...order.map((each, place) => ({
          label: each.label,
          ink: colour(each.tone),
          stroke: colour(each.tone),
          fill: bars ? filled(each.tone) : undefined,
          width: bars ? 0 : 2,
          dash: !bars && place ? [6, 4] : undefined,
          paths: bars || line,
          points: { show: !bars && told.x.length < 4, size: 6 },
          // The stack's own figures, not its sums. Looked up anew, as they change.
          value: (plot, _value, _series, at) => (at == null ? "–" : words(plot.figures[place][at])),
        })),
      ],
    };
  };

  const draw = (figure) => {
    const told = JSON.parse(figure.dataset.chart);
    const place = figure.querySelector(".plot");
    const width = Math.max(240, Math.floor(place.clientWidth));
    const known = drawn.get(figure);
    const order = told.kind === "line" ? told.series : [...told.series].reverse();
    const figures = order.map((each) => each.values);
    figure.classList.toggle("empty", told.x.length === 0);
    if (known && known.theme === document.documentElement.dataset.shown && known.width === width) {
      if (known.text === figure.dataset.chart) return;
      known.text = figure.dataset.chart;
      known.plot.figures = figures;
      known.plot.setData(aligned(told));
      return;
    }
    known?.plot.destroy();
    drawn.delete(figure);
    if (!told.x.length) return;
    const made = options(told, width);
    const plot = new uPlot(made, [[], ...figures.map(() => [])], place);
    plot.figures = figures;
    plot.setData(aligned(told));
    drawn.set(figure, { plot, width, text: figure.dataset.chart, theme: document.documentElement.dataset.shown });
  };

  const drawAll = () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    const system = matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.shown = `${document.documentElement.dataset.theme}-${dark}-${system}`;
    for (const figure of drawn.keys()) {
      if (!figure.isConnected) {
        drawn.get(figure).plot.destroy();
        drawn.delete(figure);
      }
    }
    document.querySelectorAll("figure[data-chart]").forEach(draw);
  };

  for (const name of ["halfopen:shown", "halfopen:theme"]) document.addEventListener(name, drawAll);
  addEventListener("resize", drawAll);
  drawAll();
})();
