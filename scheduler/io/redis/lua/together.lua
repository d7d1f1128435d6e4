-- Several operations that came together. ARGV from the third on: name and arguments of each.
return run_all(KEYS, ARGV)
