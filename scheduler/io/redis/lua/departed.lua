--! flags allow-oom
--! use base
-- The fleet's shard has heard of these. args: session ids
for _, id in ipairs(args) do call('HDEL', R .. ':left', id) end
return answer(true)
