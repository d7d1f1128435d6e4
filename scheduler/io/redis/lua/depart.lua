--! flags allow-oom
-- Sessions that left a region leave the fleet's shard. KEYS[1] is the fleet's prefix. args: what `depart` kept
begin(KEYS, ARGV)
for _, gone in ipairs(args) do fleet_leave(R, gone) end
return answer(true)
