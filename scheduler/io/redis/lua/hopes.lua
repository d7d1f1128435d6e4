-- Whether any worker that is known here could serve this, now or later. args: {wanted}
begin(KEYS, ARGV)
return answer(#groups_for(args[1]) > 0)
