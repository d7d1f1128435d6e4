--! flags allow-oom
-- The fleet's shard has heard of these. args: session ids
begin(KEYS, ARGV)
for _, id in ipairs(args) do call('HDEL', R .. ':left', id) end
return answer(true)
