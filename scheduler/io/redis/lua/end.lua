--! flags allow-oom
-- The first valid end wins. A session that is not here answers 'unknown': the fleet's shard knows about it.
-- args: the wish
begin(KEYS, ARGV)
local wish = args
local id, fence = wish[1], wish[6]
local s = session_of(id)
if s then
  if fence and fence ~= s.fence then
    take_late_usage(s, fence, wish[7], true)
    return answer(stale(id, s))
  end
  return answer({'ended', finish(s, wish), true})
end
local gone = call('HGET', R .. ':left', id)
if gone and unpack_message(gone)[5] then return answer({'ended', unpack_message(gone)[6], false}) end
local waiter = not fence and waiter_of(id)
if waiter and not waiter.q.carried then return answer({'ended', end_waiting(waiter, wish), true}) end
return answer({'unknown'})
