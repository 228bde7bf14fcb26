namespace Mesh.Tests.Engine.Persistence;

/// <summary>A snapshot store that has one snapshot, numbered 2, of everybody, and fails at what its configuration names.</summary>
public sealed class FailingSnapshotStore(Config config) : SnapshotStore
{
    private readonly string _fails = config.GetString("fails") ?? "";

    public static string Configuration(string fails) => $$"""
        akka.persistence.snapshot-store {
          plugin = akka.persistence.snapshot-store.failing
          failing {
            class = "Mesh.Tests.Engine.Persistence.FailingSnapshotStore, Mesh.Tests.Engine"
            fails = "{{fails}}"
            circuit-breaker.call-timeout = 10m
          }
        }
        """;

    protected override Task<SelectedSnapshot?> LoadAsync(string persistenceId, SnapshotSelectionCriteria criteria) => _fails switch
    {
        "load" => throw new TestException("the snapshot cannot be read"),
        "never" => new TaskCompletionSource<SelectedSnapshot?>().Task,
        _ => Task.FromResult<SelectedSnapshot?>(
            new(new SnapshotMetadata(persistenceId, 2, DateTime.UnixEpoch), new object[] { "of the snapshot" })),
    };

    protected override Task SaveAsync(SnapshotMetadata metadata, object snapshot) =>
        Task.FromException(new TestException("cannot be saved"));

    protected override Task DeleteAsync(SnapshotMetadata metadata) => Task.FromException(new TestException("cannot be deleted"));

    protected override Task DeleteAsync(string persistenceId, SnapshotSelectionCriteria criteria) =>
        Task.FromException(new TestException("cannot be deleted in bulk"));
}
