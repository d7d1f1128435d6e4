"""The wire in Cython; `pump` is missing where no compiler was. `gateway.io.engine` chooses."""
