using Mesh.Controller.Journal;
using Mesh.Tests.Actors.Ports;

namespace Mesh.Tests.Controller.Journal;

public sealed class SqliteJournalTailTests : JournalTailSpec
{
    protected override ITailedPlace NewPlace() => new TailedDatabase(new TempJournal());
}

public sealed class SqliteJournalTests : JournalDatabaseSpec
{
    [Fact]
    public async Task Schema_is_the_layout_others_read()
    {
        using var journal = new TempJournal();
        using (var database = SqliteJournal.Open(journal.Path))
            await database.AppendAsync([TempJournal.Row("a", 1, command: "c-1")]);
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={journal.Path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT ordering, deleted, persistence_id, sequence_number, created, tags, message, identifier, manifest, writer_uuid, command_id FROM journal
            """;
        using var row = command.ExecuteReader();
        Assert.True(row.Read());
        var values = new object[row.FieldCount];
        row.GetValues(values);
        values[6] = System.Text.Encoding.UTF8.GetString((byte[])values[6]);
        Assert.Equal(
            [1L, 0L, "a", 1L, 621355968010000000L, DBNull.Value, "a/1", 100L, "test.happened.v1", "writer", "c-1"], values);
    }

    [Fact]
    public void Schema_version_1_never_changes()
    {
        using var journal = new TempJournal();
        SqliteJournal.Open(journal.Path).Dispose();
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={journal.Path};Pooling=False");
        connection.Open();
        Assert.Equal(1, connection.Scalar("PRAGMA user_version"));
        Assert.Equal(
            [
                "ordering INTEGER 0 1", "deleted INTEGER 1 0", "persistence_id TEXT 1 0", "sequence_number INTEGER 1 0", "created INTEGER 1 0",
                "tags TEXT 0 0", "message BLOB 1 0", "identifier INTEGER 0 0", "manifest TEXT 0 0", "writer_uuid TEXT 0 0", "command_id TEXT 0 0",
            ],
            Rows("SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk FROM pragma_table_info('journal')"));
        Assert.Equal(
            ["ordering_id INTEGER 1 1", "tag TEXT 1 2", "sequence_nr INTEGER 1 0", "persistence_id TEXT 1 0"],
            Rows("SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk FROM pragma_table_info('tags')"));
        Assert.Equal(
            ["persistence_id", "sequence_number"],
            Rows("SELECT c.name FROM pragma_index_list('journal') AS i, pragma_index_info(i.name) AS c WHERE i.\"unique\" ORDER BY c.seqno"));
        Assert.Equal(["wal"], Rows("PRAGMA journal_mode"));

        List<string> Rows(string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            using var reader = command.ExecuteReader();
            var rows = new List<string>();
            while (reader.Read())
                rows.Add(reader.GetString(0));
            return rows;
        }
    }

    [Fact]
    public void File_is_for_its_owner_only()
    {
        using var journal = new TempJournal();
        using var database = SqliteJournal.Open(journal.Path);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(journal.Path));
    }

    private protected override ITempPlace NewPlace() => new TempJournal();
}
