--! flags allow-oom
-- Sessions that a gateway did not name when it adopted are suspended; a young one may have crossed the list.
-- args: {gateway, session ids}
begin(KEYS, ARGV)
for _, id in ipairs(args[2]) do
  local s = session_of(id)
  if s and s.gateway == args[1] and s.state == 'h' and now - s.since >= SUSPECT_AFTER then
    suspend(s, false)
    save(s)
  end
end
return answer(true)
