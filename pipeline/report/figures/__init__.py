"""The report's figures: one module each, drawn with matplotlib's object interface into inline SVG."""
