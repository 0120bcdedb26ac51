"""Tools around whole bundles: reading them before they run, listing and copying those that ship."""
