-- Whether this shard is served by the server that it was last served by. Another one, or one that was restarted, may lack
-- the last writes: for a while what is unknown here counts as lost, as in a shard that was just born. args: {run id}
begin(KEYS, ARGV)
local before = call('GET', R .. ':run')
if before == args[1] then return answer(true) end
call('SET', R .. ':run', args[1])
if before then call('SET', R .. ':born', now) end
return answer(false)
