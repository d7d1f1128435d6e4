-- Keeps an operator's wish; expired ones make room. KEYS[1] is the fleet's prefix. args: {id, expires, the request}
begin(KEYS, ARGV)
local all, live = call('HGETALL', R .. ':scale'), 0
for n = 1, #all, 2 do
  local known = unpack_message(all[n + 1])
  if known[1] <= now then
    call('HDEL', R .. ':scale', all[n])
  elseif all[n] ~= args[1] then
    live = live + 1
  elseif known[2] == args[3] then
    return answer(DONE)
  else
    return answer(refused('CONFLICT', 'another scale request ' .. args[1] .. ' is known'))
  end
end
if live >= SCALE_REQUESTS then
  return answer(refused('CONFLICT', live .. ' scale requests are in force, the most there may be; release some'))
end
call('HSET', R .. ':scale', args[1], pack({args[2], args[3]}))
return answer(DONE)
