// Scenarios measure time on a machine with few cores: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
