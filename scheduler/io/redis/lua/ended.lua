-- How a session ended, if that was not long ago. KEYS[1] is the fleet's prefix. args: the session
begin(KEYS, ARGV)
return answer(record_kept(R, args))
