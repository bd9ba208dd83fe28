"""The backend `array_double`: runs calls in arrays on the function service of `lithops_testing.faas`."""
