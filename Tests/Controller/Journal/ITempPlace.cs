using Mesh.Controller.Journal;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Journal;

/// <summary>A place for a journal that is removed on dispose.</summary>
internal interface ITempPlace : IDisposable
{
    string Place { get; }

    JournalDatabase Open() => JournalDatabase.Open(Place);
}

/// <summary>An empty database on the server of this test process.</summary>
internal sealed class TempPostgres : ITempPlace
{
    public string Place { get; } = PostgresServer.Instance.CreateDatabase();

    public void Dispose() => PostgresServer.Instance.DropDatabase(Place);
}
