"""The long-running programs: what each opens, in which order, and how it drains and closes. They decide nothing."""
