--! flags allow-oom
-- Several operations that came together and run in a full server too. ARGV from the third on: name and arguments of each.
return run_all(KEYS, ARGV)
