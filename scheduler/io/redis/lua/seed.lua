--! flags allow-oom
-- Ids that must not come back. KEYS[1] is the fleet's prefix. args: {{session, until}...}, {{kind, id, until, before, reason}...}
begin(KEYS, ARGV)
for _, one in ipairs(args[1]) do bury(R, one[1], one[2], false) end
for _, one in ipairs(args[2]) do
  local name, raw = one[1] .. ' ' .. one[2], nil
  raw = call('HGET', R .. ':revoked', name)
  local earlier = raw and unpack_message(raw) or {0, 0}
  call('HSET', R .. ':revoked', name, pack({math.max(earlier[1], one[3]), math.max(earlier[2], one[4]), one[5]}))
  call('HSET', R .. ':s', '#r', 1)
  call('SPUBLISH', R .. ':all', pack({'revoked', one}))
end
return answer(true)
