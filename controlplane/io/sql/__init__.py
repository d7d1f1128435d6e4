"""Statements: one file a table, each function one or two statements in the transaction it is given. No rules here."""
