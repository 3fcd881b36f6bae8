"""What a run is on disk: its recipe, its folder, its ledger of test openings."""
