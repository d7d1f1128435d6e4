-- Whether any worker that is known here could serve this, now or later. args: {wanted}
begin(KEYS, ARGV)
return answer(has_hope(args[1]))
