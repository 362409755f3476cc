"""The monthly note: what it claims (`model`), how it is built, and how each format shows it."""
