"""Line charts over logarithmic axes, as SVG."""
import html
import math

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 86, 176, 56, 60  # around the plot; the names of the curves are at the right
COLOURS = ("#0b62a4", "#d1731f", "#2e7d32", "#8e24aa", "#5d4037")
DASHES = ("", "7 4", "2 3")


class Axis:
    """Decades from the least value to the greatest, spread from one end to the other."""

    def __init__(self, values, begin, end):
        self.first = math.floor(math.log10(min(values)) + 1e-9)
        self.last = max(math.ceil(math.log10(max(values)) - 1e-9), self.first + 1)
        self.begin, self.end = begin, end

    def __call__(self, value):
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        return [10 ** n for n in range(self.first, self.last + 1)]


class Curve:
    """`points`: (x, y), both above 0. Curves of one colour number belong together; the dash tells them apart."""

    def __init__(self, name, points, colour=0, dash=0):
        self.name, self.points, self.colour, self.dash = name, points, COLOURS[colour], DASHES[dash]


def number(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def apart(places, least):
    """The places moved down where they are nearer to each other than `least`."""
    out = []
    for place in places:
        out.append(max(place, out[-1] + least) if out else place)
    return out


def chart(title, x_name, y_name, curves):
    x = Axis([p[0] for curve in curves for p in curve.points], LEFT, WIDTH - RIGHT)
    y = Axis([p[1] for curve in curves for p in curve.points], HEIGHT - BOTTOM, TOP)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             'font-family="sans-serif" font-size="13" fill="#222">',
             f"<title>{html.escape(title)}</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             text(LEFT, 30, title, "start", ' font-size="16" font-weight="bold"')]
    for tick in x.ticks():
        parts += [line(x(tick), TOP, x(tick), HEIGHT - BOTTOM, 'stroke="#ddd"'),
                  text(x(tick), HEIGHT - BOTTOM + 20, number(tick))]
    for tick in y.ticks():
        parts += [line(LEFT, y(tick), WIDTH - RIGHT, y(tick), 'stroke="#ddd"'),
                  text(LEFT - 8, y(tick) + 4, number(tick), "end")]
    parts += [line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, 'stroke="#222"'),
              line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, 'stroke="#222"'),
              text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_name),
              text(22, middle, y_name, more=f' transform="rotate(-90 22 {middle})"')]
    for curve in curves:
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in curve.points)
        dash = f' stroke-dasharray="{curve.dash}"' if curve.dash else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{curve.colour}" stroke-width="2"{dash}/>')
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3.5" fill="{curve.colour}"/>' for a, b in curve.points]
    ends = sorted(curves, key=lambda curve: y(curve.points[-1][1]))
    for curve, place in zip(ends, apart([y(curve.points[-1][1]) for curve in ends], 16)):
        parts.append(text(x(curve.points[-1][0]) + 10, place + 4, curve.name, "start", f' fill="{curve.colour}"'))
    return "\n".join([*parts, "</svg>"]) + "\n"
