"""A package whose folder of migrations is empty."""
