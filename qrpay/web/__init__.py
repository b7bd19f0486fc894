"""What every api shares: routes, callers, problems, limits, paging, event stream, OpenAPI."""
