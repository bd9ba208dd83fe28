"""The backend `faas_double`: runs calls on the function service of `lithops_testing.faas`."""
