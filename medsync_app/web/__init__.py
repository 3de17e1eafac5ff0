"""HTTP beside Reflex: sign-in, routes, headers, health."""
