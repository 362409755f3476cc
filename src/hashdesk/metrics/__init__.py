"""The phenomena of mining, each a module: arrays or frames in, arrays or frames out, nothing read or printed."""
