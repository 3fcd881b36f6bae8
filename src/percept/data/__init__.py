"""From files to arrays: tables, pictures, built-in sets, splits, the decode cache, the audit."""
