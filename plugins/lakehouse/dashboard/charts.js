"use strict";
(() => {
  const series = JSON.parse(document.getElementById("series").textContent);
  const whole = new Intl.NumberFormat("en");
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 2 });
  const twoDecimals = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const FEW = 50; // ratings: an average of fewer is mostly chance
  const ROW = 40; // pixels a movie takes among the best-loved ones
  const font = () => getComputedStyle(document.body).fontFamily;

  /** Text that fits into a width, cut with an ellipsis. */
  function fitted(context, text, width) {
    if (context.measureText(text).width <= width) return text;
    const letters = [...text];
    let low = 0;
    let high = letters.length;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (context.measureText(`${letters.slice(0, middle).join("")}…`).width <= width) low = middle;
      else high = middle - 1;
    }
    return `${letters.slice(0, low).join("").trimEnd()}…`;
  }

  /** Lines of at most about 40 letters: tooltips do not wrap by themselves. */
  function wrapped(text) {
    return text.match(/.{1,40}(?:\s|$)|.{1,40}/gu).slice(0, 6).map((line) => line.trim());
  }

  const total = {
    id: "total",
    afterDraw({ ctx, chartArea: { left, right, top, bottom }, data }) {
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      const movies = data.datasets[0].data.reduce((sum, count) => sum + count, 0);
      ctx.save();
      ctx.textAlign = "center";
      ctx.fillStyle = colour("ink");
      ctx.font = `500 28px ${colour("serif")}`;
      ctx.fillText(whole.format(movies), x, y + 4);
      ctx.fillStyle = colour("muted");
      ctx.font = `13px ${font()}`;
      ctx.fillText("movies", x, y + 24);
      ctx.restore();
    },
  };

  const titles = {
    id: "titles",
    afterDatasetsDraw(chart) {
      const { ctx, chartArea: { left, right } } = chart;
      const { titles, ratings, averages } = series["top-movies"];
      ctx.save();
      ctx.textBaseline = "bottom";
      chart.getDatasetMeta(0).data.forEach((bar, index) => {
        const baseline = bar.y - 7;
        const average = twoDecimals.format(averages[index]);
        const count = right - left < 360 ? "" : `${whole.format(ratings[index])} ratings`;
        ctx.textAlign = "right";
        ctx.font = `600 13px ${font()}`;
        ctx.fillStyle = colour("ink");
        ctx.fillText(average, right, baseline);
        const averageWidth = ctx.measureText("0.00").width + 10;
        ctx.font = `12px ${font()}`;
        ctx.fillStyle = colour("muted");
        ctx.fillText(count, right - averageWidth, baseline);
        const taken = averageWidth + ctx.measureText(count).width + 14;
        ctx.textAlign = "left";
        ctx.font = `14px ${font()}`;
        ctx.fillStyle = colour("ink");
        ctx.fillText(fitted(ctx, titles[index], right - left - taken), left, baseline);
      });
      ctx.restore();
    },
  };

  const counts = {
    id: "counts",
    afterDatasetsDraw(chart) {
      const { ctx, data } = chart;
      const largest = Math.max(...data.datasets[0].data);
      ctx.save();
      ctx.textAlign = "center";
      ctx.fillStyle = colour("muted");
      ctx.font = `${chart.width < 400 ? 10 : 12}px ${font()}`;
      chart.getDatasetMeta(0).data.forEach((bar, index) => {
        const count = data.datasets[0].data[index];
        ctx.fillText((largest < 1000 ? whole : compact).format(count), bar.x, bar.y - 6);
      });
      ctx.restore();
    },
  };

  const axis = (text) => ({
    border: { display: false },
    grid: { color: colour("line"), drawTicks: false },
    ticks: { maxTicksLimit: 6, padding: 8 },
    title: { display: ({ chart }) => text !== "" && chart.width > 440, text, color: colour("muted") },
  });
  const noGrid = { grid: { display: false } };

  const charts = {
    categories: ({ labels, movies }) => ({
      type: "doughnut",
      data: {
        labels,
        datasets: [{
          data: movies,
          backgroundColor: labels.map((label) => colour(label.toLowerCase())),
          borderColor: colour("card"),
          borderWidth: 3,
          borderRadius: 4,
        }],
      },
      options: {
        cutout: "70%",
        plugins: { tooltip: { callbacks: { label: ({ parsed }) => ` ${whole.format(parsed)} movies` } } },
      },
      plugins: [total],
    }),

    histogram: ({ stars, ratings }) => ({
      type: "bar",
      data: {
        labels: stars.map((half) => half.toFixed(1)),
        datasets: [{ data: ratings, backgroundColor: colour("stars"), borderRadius: 4, categoryPercentage: 0.86, barPercentage: 1 }],
      },
      options: {
        layout: { padding: { top: 20 } },
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { ...axis("Stars"), ...noGrid, ticks: { autoSkip: false, maxRotation: 0, padding: 8 } },
          y: { display: false, beginAtZero: true },
        },
        plugins: {
          tooltip: {
            callbacks: {
              title: ([{ label }]) => `${label} stars`,
              label: ({ parsed }) => ` ${whole.format(parsed.y)} ratings`,
            },
          },
        },
      },
      plugins: [counts],
    }),

    "by-year": ({ years, movies, ratings, averages }) => ({
      data: {
        datasets: [
          {
            type: "line",
            label: "Average rating",
            data: years.map((x, index) => ({ x, y: averages[index] })),
            yAxisID: "average",
            borderColor: colour("average"),
            backgroundColor: colour("average"),
            borderWidth: 1.75,
            pointRadius: years.length > 30 ? 0 : 3,
            pointHitRadius: 8,
            segment: {
              borderDash: ({ p0DataIndex, p1DataIndex }) =>
                Math.min(ratings[p0DataIndex], ratings[p1DataIndex]) < FEW ? [2, 4] : undefined,
            },
          },
          {
            type: "bar",
            label: "Movies",
            data: years.map((x, index) => ({ x, y: movies[index] })),
            yAxisID: "y",
            backgroundColor: colour("movies"),
            borderRadius: 2,
            categoryPercentage: 0.85,
            barPercentage: 1,
            maxBarThickness: 40,
            clip: false,
          },
        ],
      },
      options: {
        interaction: { mode: "index", intersect: false },
        scales: {
          x: {
            ...axis(""), ...noGrid, type: "linear", offset: false, min: years[0] - 1, max: years.at(-1) + 1,
            ticks: { precision: 0, padding: 8, maxRotation: 0, includeBounds: false, callback: (year) => String(year) },
          },
          y: { ...axis("Movies"), beginAtZero: true },
          average: { ...axis("Average rating"), ...noGrid, position: "right", min: 0, max: 5 },
        },
        plugins: {
          tooltip: {
            callbacks: {
              title: ([{ parsed }]) => String(parsed.x),
              label: ({ dataset: { label, type }, parsed: { y } }) => ` ${label}: ${(type === "line" ? twoDecimals : whole).format(y)}`,
            },
          },
        },
      },
    }),

    "top-movies": ({ titles: labels, ratings, averages }) => ({
      type: "bar",
      data: {
        labels,
        datasets: [
          { data: averages, backgroundColor: colour("high"), borderRadius: 3, barThickness: 6, grouped: false },
          { data: averages.map(() => 5), backgroundColor: colour("track"), borderRadius: 3, barThickness: 6, grouped: false },
        ],
      },
      options: {
        indexAxis: "y",
        layout: { padding: { top: 14 } },
        interaction: { mode: "nearest", axis: "y", intersect: false },
        scales: { x: { display: false, min: 0, max: 5 }, y: { display: false } },
        plugins: {
          tooltip: {
            filter: ({ datasetIndex }) => datasetIndex === 0,
            callbacks: {
              title: ([{ label }]) => wrapped(label),
              label: ({ dataIndex }) => ` ${twoDecimals.format(averages[dataIndex])} from ${whole.format(ratings[dataIndex])} ratings`,
            },
          },
        },
      },
      plugins: [titles],
    }),
  };

  let drawn = [];

  function draw(animation) {
    drawn.forEach((chart) => chart.destroy());
    Object.assign(Chart.defaults, { animation, responsive: true, maintainAspectRatio: false, color: colour("muted") });
    Chart.defaults.font.family = font();
    Chart.defaults.plugins.legend.display = false;
    Object.assign(Chart.defaults.plugins.tooltip, {
      backgroundColor: colour("ink"), titleColor: colour("card"), bodyColor: colour("card"),
      padding: 10, cornerRadius: 8, displayColors: false, animation: false,
    });
    const list = document.getElementById("top-movies");
    if (list) list.parentElement.style.height = `${ROW * series["top-movies"].titles.length + 14}px`;
    drawn = Object.entries(series).map(([id, values]) => new Chart(document.getElementById(id), charts[id](values)));
  }

  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  draw(calm ? false : { duration: 500 });
  matchMedia("screen and (prefers-color-scheme: dark)").addEventListener("change", () => draw(false));
  addEventListener("beforeprint", () => drawn.forEach((chart) => chart.resize()));
  addEventListener("afterprint", () => drawn.forEach((chart) => chart.resize()));
})();
